/** What the configuration may say of Yandex Cloud and of a secret of Lockbox. */
import { z } from 'zod';
import { credential } from '../../config/credential.ts';
import { duration, fileToRead } from '../../config/values.ts';
import { seconds } from '../../core/time.ts';
import { urlSuchAs } from '../../http/address.ts';
import { tls } from '../../http/tls.ts';
import type { Remark } from '../define.ts';
import { passwordOptions, refineRules } from '../password.ts';

const text = z.string().trim().min(1);

/** As the console shows them: they become part of a path. */
const idOf = (what: string) => text.regex(/^[A-Za-z0-9_-]{1,50}$/, `not the id of ${what}: copy it from the console`);

const endpoint = (host: string, what: string) =>
  urlSuchAs(`https://${host}`).default(`https://${host}`).describe(`Address of ${what}. Default: the public cloud`);

const auth = z.discriminatedUnion('method', [
  z.strictObject({
    method: z.literal('service-account-key'),
    keyFile: fileToRead.describe(
      'An authorized key of the service account, as the console writes it; read at every exchange',
    ),
    audience: text
      .default('https://iam.api.cloud.yandex.net/iam/v1/tokens')
      .describe('What the JWT is made out to, wherever it is sent. Default: as all regions want it'),
  }),
  z.strictObject({ method: z.literal('metadata') }),
  z.strictObject({
    method: z.literal('workload-identity'),
    serviceAccountId: idOf('a service account').describe('The service account that the workload may act as'),
    tokenFile: fileToRead.describe('The token that the cluster projects; read at every exchange'),
  }),
  z.strictObject({
    method: z.literal('token'),
    token: credential.describe('An IAM token that somebody else keeps alive; a file is watched for the next one'),
  }),
]);
export type Auth = z.output<typeof auth>;

export const providerOptions = {
  auth: auth.describe('How the service account proves who it is'),
  endpoints: z
    .strictObject({
      lockbox: endpoint('lockbox.api.cloud.yandex.net', 'Lockbox'),
      payload: endpoint('payload.lockbox.api.cloud.yandex.net', "Lockbox's payloads"),
      operation: endpoint('operation.api.cloud.yandex.net', 'the operations'),
      iam: endpoint('iam.api.cloud.yandex.net', 'IAM'),
      auth: endpoint('auth.yandex.cloud', 'the exchange for workloads'),
    })
    .prefault({})
    .describe('Where its services are: other regions have other hosts'),
  tls: tls.optional(),
  rate: z
    .strictObject({
      requestsPerMinute: z.int().min(1).max(100_000).describe('Never more than so many, in any minute, to all hosts'),
    })
    .optional(),
  slots: z.int().min(1).max(64).default(8).describe('Requests under way at a time'),
};

type ProviderOptions = z.output<z.ZodObject<typeof providerOptions>>;
export type Endpoints = ProviderOptions['endpoints'];
export type ConnectionRules = Pick<ProviderOptions, 'tls' | 'rate' | 'slots'>;

const generate = z.discriminatedUnion('by', [
  z.strictObject({ by: z.literal('lockbox') }),
  z
    .strictObject({
      by: z.literal('leasekeeper'),
      key: z
        .string()
        .max(256)
        .regex(/^[-_./\\@0-9a-zA-Z]+$/, 'not the key of an entry: letters, digits and any of -_./\\@')
        .default('password')
        .describe('The entry that gets the new value; the others stay as they are. Default: password'),
      ...passwordOptions,
    })
    .superRefine(refineRules),
]);

export const secretOptions = {
  secretId: idOf('a secret').describe('Id of the secret. Entries that are bytes are delivered in base64'),
  version: idOf('a version').optional().describe('Id of the version to be had. Default: whichever is current'),
  poll: duration
    .refine((poll) => poll >= seconds(1), 'too often: 1s or more')
    .prefault('1m')
    .describe('How often it is asked whether anything has changed; that is free of charge. Default: 1m'),
  onDestroyScheduled: z
    .enum(['alert', 'cancel', 'rotate'])
    .default('alert')
    .describe(
      'When somebody schedules the destruction of the version we hold: tell of it, cancel it, or (with generate) add another at once. What we generate is in any case replaced before that end, by its policy',
    ),
  watchVersions: z
    .boolean()
    .default(false)
    .describe(
      'Tell also of the ends of versions that we do not hold, but for those that we have ended, and how many there are',
    ),
  generate: generate.optional().describe('Versions are added by us, by the policy. Default: others add them'),
  pendingPeriod: duration
    .refine((period) => period >= seconds(1), 'too short: 1s or more')
    .optional()
    .describe('With generate: how long after its grace a former version can still be saved. Default: 7d'),
};

type SecretOptions = z.output<z.ZodObject<typeof secretOptions>>;

/** Options that are each right, but not together. */
export function faultsOf({ generate, version, onDestroyScheduled, pendingPeriod }: SecretOptions): readonly Remark[] {
  if (generate) {
    if (version === undefined) return [];
    return [
      { at: 'version', message: 'a pinned version and generated ones are two answers to one question: remove one' },
    ];
  }
  const faults: Remark[] = [];
  if (onDestroyScheduled === 'rotate') {
    faults.push({
      at: 'onDestroyScheduled',
      message: 'there is nothing to rotate where others add the versions: write alert or cancel, or generate:',
    });
  }
  if (pendingPeriod !== undefined) {
    faults.push({ at: 'pendingPeriod', message: 'we destroy no version that others have added: remove it' });
  }
  return faults;
}

export const warningsOf = ({ generate, secretId }: SecretOptions): readonly Remark[] =>
  generate
    ? [
        {
          at: 'generate',
          message:
            `each rotation changes secret ${secretId} for everybody who reads it, at once:` +
            ' be sure that all of them follow it',
        },
      ]
    : [];
