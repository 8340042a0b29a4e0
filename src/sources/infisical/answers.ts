/** What Infisical's answers have to look like, as far as we read them. Permissive: servers of two years answer here. */
import { z } from 'zod';
import type { Duration, Instant } from '../../core/time.ts';
import { jsonMap } from '../../http/json-map.ts';

/** Milliseconds since the epoch, from ISO 8601. */
const instant = z.string().transform((text, context): Instant => {
  const at = Date.parse(text);
  if (Number.isFinite(at)) return at;
  context.addIssue({ code: 'custom', message: 'not a date' });
  return z.NEVER;
});

/** Seconds, relative. */
const lifetime = z.number().min(0).max(1e11);

/** Contract 2 and 3: login and renewal answer the same. */
export const tokenAnswer = z.object({
  accessToken: z.string().regex(/^[\x21-\x7e]+$/),
  /** 0: it does not expire. */
  expiresIn: lifetime,
  /** From the login on, over all renewals. 0: there is no such end. */
  accessTokenMaxTTL: lifetime.nullish().transform((length) => length ?? 0),
});

/** Contract 4. What it says is free text: that it says something tells it from a page of somebody else's. */
export const revokedAnswer = z.object({ message: z.string() });

/** It becomes part of a path, a log line and a key in Redis. */
const leaseRow = z.object({
  id: z.string().regex(/^[A-Za-z0-9-]{1,64}$/),
  expireAt: instant,
  createdAt: instant,
  status: z.string().nullish(),
});

const ofSecret = z.object({
  type: z.string(),
  defaultTTL: z.string().nullish(),
  maxTTL: z.string().nullish(),
});

export type LeaseRow = z.output<typeof leaseRow>;
export type OfSecret = z.output<typeof ofSecret>;

/** Contract 6.1 to 6.4. */
export const createAnswer = z.object({
  lease: leaseRow,
  dynamicSecret: ofSecret,
  data: jsonMap(z.unknown()),
});
export const getAnswer = z.object({ lease: leaseRow.extend({ dynamicSecret: ofSecret }) });
export const leaseAnswer = z.object({ lease: leaseRow });
export const listAnswer = z.object({ leases: z.array(leaseRow) });

/** Contract 7.1 and 7.2. Rows of imports have fewer fields than others. */
const secretRow = z.object({
  secretKey: z.string().min(1),
  secretValue: z.string(),
  secretValueHidden: z.boolean().nullish(),
  /** `personal` is what a user has in the place of what all have. */
  type: z.string().nullish(),
  /** The id of the project; empty in imports. */
  workspace: z.string().nullish(),
  secretPath: z.string().nullish(),
  updatedAt: instant.nullish(),
  isRotatedSecret: z.boolean().nullish(),
});
const secretImport = z.object({
  secretPath: z.string().nullish(),
  environment: z.string().nullish(),
  secrets: z.array(secretRow),
});

export type SecretRow = z.output<typeof secretRow>;
export type SecretList = z.output<typeof secretListAnswer>;

export const secretListAnswer = z.object({
  secrets: z.array(secretRow),
  imports: z
    .array(secretImport)
    .nullish()
    .transform((imports) => imports ?? []),
});

/** Where a policy wants others to approve of it first, nothing has changed yet. */
export const secretChangeAnswer = z.union([z.object({ secret: secretRow }), z.object({ approval: z.looseObject({}) })]);

const units: readonly (readonly [RegExp, Duration])[] = [
  [/^(?:ms|msecs?|milliseconds?)?$/, 1],
  [/^(?:s|secs?|seconds?)$/, 1_000],
  [/^(?:m|mins?|minutes?)$/, 60_000],
  [/^(?:h|hrs?|hours?)$/, 3_600_000],
  [/^(?:d|days?)$/, 86_400_000],
  [/^(?:w|weeks?)$/, 7 * 86_400_000],
  [/^(?:y|yrs?|years?)$/, 365.25 * 86_400_000],
];

/** A length of time as the server writes it (`1h`, `90s`, `2 days`; a bare number is milliseconds): `undefined` where it is none. */
export function lengthOf(text: string | null | undefined): Duration | undefined {
  const [, amount, unit = ''] = /^(\d*\.?\d+) *([a-z]*)$/i.exec(text?.trim() ?? '') ?? [];
  const size = units.find(([names]) => names.test(unit.toLowerCase()))?.[1];
  if (amount === undefined || size === undefined) return undefined;
  const length = Math.round(Number(amount) * size);
  return length > 0 ? length : undefined;
}
