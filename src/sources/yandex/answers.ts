/** What the answers of Lockbox and IAM have to look like, as far as we read them. Contract 3, 4 and 6. */
import { z } from 'zod';
import type { Instant } from '../../core/time.ts';

/** RFC 3339 with up to nanoseconds; becomes milliseconds since the epoch. */
const instant = z
  .string()
  .regex(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?Z$/)
  .transform((text): Instant => Date.parse(text));

/** What has its default may be missing, printed, or null. */
const orNothing = <T extends z.ZodType>(schema: T) => z.union([schema, z.literal('')]).nullish();

/** It becomes part of a path, a log line and a key in Redis. */
const id = z.string().regex(/^[A-Za-z0-9_-]{1,64}$/);

const version = z.object({
  id,
  createdAt: instant,
  destroyAt: orNothing(instant).transform((at) => at || undefined),
  status: z.string().nullish(),
  description: z.string().nullish(),
});
export type Version = z.output<typeof version>;

export const secretAnswer = z.object({
  id,
  status: z.string().nullish(),
  /** Of the user's own key. Without one no role on a key is missing. */
  kmsKeyId: z.string().nullish(),
  currentVersion: version.nullish().transform((one) => one ?? undefined),
  passwordPayloadSpecification: z
    .looseObject({})
    .nullish()
    .transform((one) => one ?? undefined),
});
export type Secret = z.output<typeof secretAnswer>;

export const versionsAnswer = z.object({
  versions: z
    .array(version)
    .nullish()
    .transform((all) => all ?? []),
  nextPageToken: z
    .string()
    .nullish()
    .transform((token) => token ?? ''),
});

/** The keys become names of files and of variables: sinks decide which they take. */
const entry = z.object({
  key: z.string().min(1).max(256),
  textValue: z.string().nullish(),
  binaryValue: z
    .string()
    .regex(/^[A-Za-z0-9+/_-]*={0,2}$/)
    .nullish(),
});
export type Entry = z.output<typeof entry>;

export const payloadAnswer = z.object({
  versionId: id,
  entries: z
    .array(entry)
    .nullish()
    .transform((all) => all ?? []),
});

export const operationAnswer = z.object({
  id: z.string().regex(/^[A-Za-z0-9_-]{1,100}$/),
  done: z
    .boolean()
    .nullish()
    .transform((done) => done ?? false),
  /** Of everything that we start it names the version. */
  metadata: z.looseObject({ versionId: orNothing(id) }).nullish(),
  error: z.unknown().optional(),
  /** The version as it is then; of no other form is it used. */
  response: version.nullish().catch(undefined),
});
export type Operation = z.output<typeof operationAnswer>;

/** `t1.…`: the form may change, and is not looked at. It becomes a header. */
const token = z.string().regex(/^[\x21-\x7e]{1,10000}$/);

export const iamTokenAnswer = z.object({ iamToken: token, expiresAt: instant });

/** As OAuth has it: `expires_in` in seconds. */
export const accessTokenAnswer = z.object({ access_token: token, expires_in: z.number().min(0).max(1e8) });
