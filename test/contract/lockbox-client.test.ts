/** Holds our client to the constructed examples of Lockbox and IAM: each answer is understood, in every shape of it. */
import { afterEach, describe, expect, it, vi } from 'vitest';
import {
  type Answer,
  type Answering,
  answering,
  changing,
  exchanging,
  listing,
  observing,
  outcomeOf,
  reading,
} from './lockbox-answering.ts';
import { pruned } from './lockbox-compare.ts';
import { type Example, example, examples, ids } from './lockbox-lab.ts';

vi.mock('../../src/clock.ts', async (original) => {
  const clock = await original<typeof import('../../src/clock.ts')>();
  return { ...clock, sleep: (delay: number, signal?: AbortSignal) => clock.sleep(delay / 100, signal) };
});

let at: Answering | undefined;
afterEach(async () => {
  await at?.close();
  at = undefined;
});

/** How the answer is asked for, what it is answered with before and after, and what comes of it. */
interface Row {
  readonly ask: (at: Answering, path: string) => Promise<unknown>;
  readonly before?: (example: Example) => readonly Answer[];
  readonly after?: readonly Answer[];
  readonly is: unknown;
}

const [v1, v2, v3] = ids.versions;
const issuedAt = Date.parse('2026-08-01T10:00:00.123Z');
const ends = Date.parse('2026-08-08T10:00:00.641Z');
const held = (more: object = {}, version: object = {}) => ({
  is: 'held',
  lease: { id: v2, issuedAt, followed: true, version: { which: 'current', ...version }, ...more },
});
const seen = (is: unknown, after: readonly Answer[] = []): Row => ({ ask: observing(v2), is, after });
const answerOf = (name: string): Answer => example(name).response;
const changed = (
  is: unknown,
  verb: Parameters<typeof changing>[0] = 'addVersion',
  after: readonly Answer[] = [],
): Row => ({
  ask: changing(verb),
  is,
  after,
});
/** An operation that is under way, under the id by which the example is asked for. */
const underWay = ({ request }: Example): readonly Answer[] => {
  const { status, body } = answerOf('secret.addVersion: asynchronous answer');
  return [{ status, body: { ...(body as object), id: request.path.replace('/operations/', '') } }];
};
const polled = (is: unknown, after: readonly Answer[] = []): Row => ({
  ask: changing('addVersion'),
  before: underWay,
  is,
  after,
});
const done = answerOf('operation.get: done with response');
const token = 't1.CONSTRUCTED_IAM_TOKEN';
const tenPm = Date.parse('2026-08-01T22:00:00Z');
const ourVersion = { id: v2, secretId: ids.secret, createdAt: '2026-08-01T10:00:00.123Z', status: 'ACTIVE' };

const rows: Readonly<Record<string, Row>> = {
  'secret.get: active user secret': seen(held()),
  'secret.get: unchanged currentVersion, everything defaulted printed': seen(held()),
  'secret.get: generated secret (passwordPayloadSpecification) + KMS': seen(held()),
  'secret.get: no version yet (createVersion=false)': seen(held({}, { frozen: 'NoCurrentVersion', count: 1 }), [
    { status: 200, body: { versions: [ourVersion] } },
  ]),
  'secret.get: current version scheduled for destruction': seen(
    held({ expiresAt: ends }, { frozen: 'DestructionScheduled' }),
  ),
  'secret.get: inactive secret': seen(held({}, { frozen: 'SecretInactive' })),
  'secret.get: 404': seen({ is: 'gone' }),
  'secret.get: 401 expired IAM token': seen('TokenRejected'),
  'secret.get: 403': seen('invalid lockbox.viewer'),
  'secret.get: 429': seen('unavailable'),
  'secret.get: 503': seen('unavailable'),
  'secret.get: gateway 502 with non-JSON body': seen('unavailable'),
  'secret.create: user secret, operation in progress': changed(v3, 'addVersion', [done]),
  'secret.create: generated secret, no version': changed(v3, 'addVersion', [done]),
  'secret.update: name+description': changed(undefined),
  'secret.update: set passwordPayloadSpecification': changed(undefined),
  'secret.activate': changed(undefined),
  'secret.deactivate': changed(undefined),
  'secret.delete': changed(undefined),
  'secret.delete: 400 deletionProtection': changed('invalid'),
  'secret.addVersion: change one key, rest inherited from current': changed(v3),
  'secret.addVersion: asynchronous answer': changed(v3, 'addVersion', [done]),
  'secret.addVersion: remove a key': changed(v3),
  'secret.addVersion: server-generated password': changed(v3),
  'secret.addVersion: 409 concurrent change': changed('unavailable'),
  'secret.addVersion: 429 version quota': changed('unavailable lockbox.versions.count'),
  'secret.setCurrentVersion: rollback': changed(v1, 'setCurrentVersion'),
  'secret.listVersions: page': {
    ask: listing,
    after: [{ status: 200, body: {} }],
    is: [
      [v3, 'ACTIVE', undefined],
      [v2, 'SCHEDULED_FOR_DESTRUCTION', ends],
      [v1, 'DESTROYED', undefined],
    ],
  },
  'secret.scheduleVersionDestruction: 7 days': changed(v2, 'scheduleVersionDestruction'),
  'secret.cancelVersionDestruction': changed(v2, 'cancelVersionDestruction'),
  'secret.cancelVersionDestruction: 400 already destroyed': changed('invalid', 'cancelVersionDestruction'),
  'operation.get: in progress': polled(v3, [done]),
  'operation.get: done with response': polled(v3),
  'operation.get: error set while done=false (rollback running)': polled('unavailable'),
  // It was accepted: the role on the secret is there.
  'operation.get: done with error': polled('invalid kms.keys.encrypterDecrypter'),
  'payload.get: current version': {
    ask: reading(v2),
    is: { username: 'app', password: 'CONSTRUCTED-pw-2', blob: 'AAEC/w==' },
  },
  'payload.get: pinned version': { ask: reading(v1), is: { username: 'app', password: 'CONSTRUCTED-pw-1' } },
  'payload.get: 403 without lockbox.payloadViewer': {
    ask: reading(v2),
    is: 'invalid lockbox.payloadViewer kms.keys.encrypterDecrypter',
  },
  'payload.get: 400 inactive secret / destroyed version': { ask: reading(v1), is: 'invalid' },
  'iam.createToken: jwt': { ask: exchanging('key', 'ends'), is: [token, tenPm] },
  'iam.createToken: oauth': { ask: exchanging('key', 'ends'), is: [token, tenPm] },
  'iam.createToken: 401 bad signature': { ask: exchanging('key', 'ends'), is: 'denied' },
  'iam.createForServiceAccount': { ask: exchanging('key', 'ends'), is: [token, tenPm] },
  'metadata.token': { ask: exchanging('metadata', 'lives'), is: [token, 39_944_000] },
  'metadata.token: 404 no service account': { ask: exchanging('metadata', 'lives'), is: 'invalid' },
  'wlif.exchange': { ask: exchanging('workload', 'lives'), is: [token, 43_200_000] },
};

/** Answers to requests that we never make, and that are no operations or tokens either. */
const neverAsked = [
  'secret.list: page 1',
  'secret.list: last page',
  'secret.list: empty folder',
  'secret.list: 400 missing folderId',
  'secret.listOperations',
  'payload.getEx: by folder and name',
  'iam.revoke',
  'endpoints.list',
  'endpoints.get',
];
/** Understood as others of their kind are, and not asked for by this path. */
const asOthers = /^secret\.(create|update|activate|deactivate|delete)|^iam\.createForServiceAccount/;

/** Everything is printed that could be, and null where there is no message. */
function printed(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(printed);
  if (typeof value !== 'object' || value === null) return value;
  const message = Object.fromEntries(Object.entries(value).map(([name, one]) => [name, printed(one)]));
  if ('folderId' in message) return { ...secretDefaults, ...message };
  if ('createdAt' in message && 'secretId' in message) return { ...versionDefaults, ...message };
  if ('versions' in message) return { nextPageToken: '', ...message };
  if ('done' in message) return { error: null, response: null, description: '', ...message };
  return message;
}
const versionDefaults = { description: '', destroyAt: null, payloadEntryKeys: [], passwordPayloadSpecification: null };
const secretDefaults = {
  description: '',
  labels: {},
  kmsKeyId: '',
  currentVersion: null,
  passwordPayloadSpecification: null,
};

const shapes = {
  'as they are written': (it: unknown) => it,
  'with defaults omitted': pruned,
  'with defaults printed': printed,
};

describe.each(Object.entries(shapes))('answers %s: our client understands', (_, shape) => {
  it.each(Object.entries(rows))('%s', async (name, { ask, before, after = [], is }) => {
    const one = example(name);
    const answers = [...(before?.(one) ?? []), one.response, ...after];
    at = await answering(answers.map(({ status, body }) => ({ status, body: shape(body) })));
    const { method, path } = one.request;
    expect(await outcomeOf(ask(at, path))).toEqual(is);
    if (!asOthers.test(name)) expect(at.heard).toContain(`${method} ${path}`);
    expect(at.heard).toHaveLength(answers.length);
  });
});

describe('nothing is passed over in silence', () => {
  it('each example has its meaning, or is the answer to what we never ask', () => {
    expect([...Object.keys(rows), ...neverAsked].sort()).toEqual(examples.map(({ name }) => name).sort());
  });
});
