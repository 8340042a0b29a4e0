/** Records as text and back. What comes back was perhaps written by somebody else, or by another version of us. */
import { z } from 'zod';
import type { SecretRecord } from '../core/record.ts';

/** How a record is written. A place for what is to protect it. */
export interface RecordCodec {
  /** Throws where the record cannot be written so that it could be read again: a bug of ours. */
  encode(secret: string, record: SecretRecord): string;
  /** Throws where it cannot be read. The message names places, and nothing of what is there. */
  decode(secret: string, text: string): SecretRecord;
}

const instant = z.number();
const name = z.string();

// Fields that are not named here are kept: a later version of us may have written them.
const lease = z.looseObject({
  id: name,
  issuedAt: instant,
  expiresAt: instant.optional(),
  maxExpiresAt: instant.optional(),
  renewal: z
    .looseObject({ from: z.enum(['now', 'expiry']), by: z.number(), atLeast: z.number(), canShorten: z.boolean() })
    .optional(),
});

const heldLease = z.looseObject({
  lease,
  since: instant,
  termStart: instant,
  generation: z.number().int(),
  verified: z.boolean(),
  formerEnds: z.record(z.string(), instant).optional(),
  observedAt: instant.optional(),
  wall: instant.optional(),
  supersededAt: instant.optional(),
  stray: z.literal(true).optional(),
  rejected: z.literal(true).optional(),
  unaccepted: z.literal(true).optional(),
  endAskedAt: instant.optional(),
});

const holding = { lease: name, generation: z.number().int() };

const sink = z.looseObject({
  uses: z.array(z.looseObject({ ...holding, perhaps: z.literal(true).optional() })),
  has: z.looseObject({ ...holding, mark: z.string(), reloaded: z.boolean(), seenAt: instant }).optional(),
  known: z.looseObject({ since: instant, wasEmpty: z.literal(true).optional() }).optional(),
});

const failure = z.looseObject({
  count: z.number(),
  denied: z.number(),
  at: instant,
  code: z.string(),
  notBefore: instant,
  noes: z.number().optional(),
  passing: z.literal(true).optional(),
});

const secretRecord = z.looseObject({
  leases: z.array(heldLease),
  sinks: z.record(name, sink),
  failures: z.record(name, failure),
  intent: z.looseObject({ key: z.string(), at: instant, pendingSince: instant.optional() }).optional(),
  doubt: z.looseObject({ since: instant, until: instant }).optional(),
  credentialSince: instant.optional(),
  rejectedCredential: z.string().optional(),
  acquires: z.array(instant).optional(),
  acknowledged: z.looseObject(holding).optional(),
  untoldSince: instant.optional(),
  requests: z.record(name, instant).optional(),
  guesses: z.array(instant).optional(),
  succeeded: z.record(name, instant).optional(),
});

export const plainCodec: RecordCodec = {
  encode: (_, record) => JSON.stringify(record, finite),
  decode: (_, text) => {
    const parsed = secretRecord.safeParse(parse(text));
    if (parsed.success) return parsed.data as unknown as SecretRecord;
    const places = parsed.error.issues.slice(0, 3).map(({ path }) => path.join('.') || 'the whole');
    throw new Error(`it does not have the shape of a record at ${places.join(', ')}`);
  },
};

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new Error('it is not JSON');
  }
}

/** JSON has no infinity: it would come back as nothing, and the whole record with it. */
function finite(key: string, value: unknown): unknown {
  if (typeof value === 'number' && !Number.isFinite(value)) throw new Error(`${key} of a record is no number`);
  return value;
}
