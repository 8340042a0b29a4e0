/** What may be written in the file. The plugins bring the schemas of their own parts. */
import { z } from 'zod';
import { sinkName } from '../sinks/define.ts';
import { reloads } from '../sinks/reload.ts';
import { verification } from '../sinks/verify.ts';
import { policy } from './policy.ts';
import { http, log, page, state } from './settings.ts';

/** A kind of provider, source or sink; its schema parses to what opens it. */
export interface Plugin {
  readonly type: string;
  readonly schema: z.ZodType;
}

export interface Plugins {
  readonly providers: readonly Plugin[];
  readonly sources: readonly Plugin[];
  readonly sinks: readonly Plugin[];
}

const nameRule = 'not a name: letters, digits, ".", "_" and "-", at most 63 of them, the first a letter or a digit';

/** Without "/", which separates our own names from one another. */
const name = z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/, nameRule);

const version = z
  .literal(1, {
    error: ({ input }) =>
      input === undefined
        ? 'missing: begin the file with version: 1'
        : 'unknown version: this program reads version: 1',
  })
  .describe('Of this format');

const later = z.looseObject({});

/** The file, with the parts that plugins have a say in left open. */
export const outline = z.strictObject({
  version,
  state: state.prefault({}),
  http: http.prefault({}),
  page: page.prefault({}),
  log: log.prefault({}),
  providers: z.record(name, later, 'missing: name at least one provider, such as infisical-main'),
  policies: z.record(name, policy).default({}),
  defaults: z
    .strictObject({
      source: later.optional().describe('Options of sources'),
      sink: later.optional().describe('Options of sinks'),
    })
    .default({})
    .describe('Merged under every source, and under every sink, that knows the key'),
  secrets: z.record(name, later, 'missing: name at least one secret to keep'),
  outputs: z.record(name, later).default({}).describe('Places where several secrets go to together, by name'),
});

/** What an output can be told, besides the options of its sink. */
export const outputOutline = z.object({
  from: z
    .array(z.string(), 'missing: name the secrets that go there, such as from: [orders-db, app]')
    .min(1, 'an output of nothing: name the secrets that go there')
    .describe('The secrets that go there together'),
});

const policyOrName = z.union(
  [z.string(), policy],
  'not a policy: write the name of one, or rules such as { renewAt: 67% }',
);

/** One secret, with its source and sinks left open. */
export const secretOutline = z.strictObject({
  source: z
    .looseObject({}, 'missing: say where it comes from, by type and provider')
    .describe('Where its leases come from'),
  policy: policyOrName
    .optional()
    .describe('The name of an entry of `policies`, or rules. Default: the policy `default`'),
  sinks: z
    .array(later, 'missing: write a list of places where it goes to')
    .min(1, 'a secret without a sink: name at least one place where it goes to')
    .optional()
    .describe('Where it goes to. May be absent where it goes to an output'),
  verify: verification.optional().describe('Proves new values before any sink sees them'),
  reload: reloads.describe('Run in this order, once for each new value, after all sinks have it'),
  required: z.boolean().default(true).describe('Does it count for readiness?'),
  exclusive: z.boolean().default(false).describe('Nobody else takes leases there: those that were lost may be ended'),
  onExpired: z
    .enum(['keep', 'remove'], 'not a way to go on: write keep, or remove')
    .default('keep')
    .describe(
      'What becomes of a value in the sinks that has ended while there is no better one: keep it there, or remove it',
    ),
  onRemove: z.literal('keep').default('keep').describe('What becomes of its leases when it leaves this file'),
  onShutdown: z
    .enum(['keep', 'revoke'], 'not a way to end: write keep, or revoke')
    .default('keep')
    .describe('What becomes of its leases when the daemon ends: keep them for the next start, or revoke them all'),
});

/** What every provider can be told, besides its own options. */
export const providerOutline = z.object({
  slots: z
    .int()
    .min(1)
    .max(1000)
    .optional()
    .describe('How many of its requests may be under way at a time. Default: 8'),
  policy: policyOrName.optional().describe('For its own access token. Default: renewed at 67%, grace 1m'),
});

const oneOf = (schemas: readonly z.ZodType[]): z.ZodType => (schemas.length === 0 ? z.never() : z.union(schemas));

const withShared = (schema: z.ZodType): z.ZodType => {
  const own = schema instanceof z.ZodPipe ? schema.in : schema;
  return own instanceof z.ZodObject ? z.strictObject({ ...providerOutline.shape, ...own.shape }) : schema;
};

const optionsOf = (schema: z.ZodType) => {
  const own = schema instanceof z.ZodPipe ? schema.in : schema;
  return own instanceof z.ZodObject ? own.shape : undefined;
};

/** An output is called by its key; `name` is for a sink that means something else by it. */
export const isNamedByKey = (schema: z.ZodType): boolean => optionsOf(schema)?.['name'] === sinkName;

const asOutput = (schema: z.ZodType): z.ZodType => {
  const { name, ...options } = optionsOf(schema) ?? {};
  const own = name && !isNamedByKey(schema) ? { name } : {};
  return z.strictObject({ ...outputOutline.shape, ...options, ...own });
};

/** The whole of it, for editors: as draft 2020-12 of JSON Schema. Keys that start with `x-` may stand everywhere. */
export function jsonSchema({ providers, sources, sinks }: Plugins): Record<string, unknown> {
  const secret = z.strictObject({
    ...secretOutline.shape,
    source: oneOf(sources.map(({ schema }) => schema)).describe('Where its leases come from'),
    sinks: z
      .array(oneOf(sinks.map(({ schema }) => schema)))
      .min(1)
      .optional()
      .describe('Where it goes to. May be absent where it goes to an output'),
  });
  const file = z.strictObject({
    ...outline.shape,
    providers: z
      .record(name, oneOf(providers.map(({ schema }) => withShared(schema))))
      .describe('Where secrets are taken from, by name'),
    policies: z.record(name, policy).optional().describe('Timing rules, by name; `default` is for who names none'),
    secrets: z.record(name, secret).describe('What is kept, by name'),
    outputs: z
      .record(name, oneOf(sinks.map(({ schema }) => asOutput(schema))))
      .optional()
      .describe('Places where several secrets go to together, by name'),
  });
  const schema = z.toJSONSchema(file.meta({ title: 'Configuration of leasekeeper' }), {
    io: 'input',
    target: 'draft-2020-12',
    unrepresentable: 'any',
    override: ({ jsonSchema: part }) => {
      if (part.type === 'object') part.patternProperties = { ...part.patternProperties, '^x-': {} };
    },
  });
  return { ...schema };
}
