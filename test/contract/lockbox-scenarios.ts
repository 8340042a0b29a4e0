/** How the sandbox gets into the state in which each example would have happened. */
import { days, hours } from '../../src/core/time.ts';
import type { LockboxBuilder } from '../sandbox/yandex/builder.ts';
import type { LockboxSandbox } from '../sandbox/yandex/sandbox.ts';
import { ps256 } from '../sandbox/yandex/signing.ts';
import type { SecretSpec } from '../sandbox/yandex/spec.ts';
import { ask, dbApp, example, ids, lab, passwordSpec, type Substitutes } from './lockbox-lab.ts';

export interface Scenario {
  readonly world: LockboxBuilder;
  /** What happens before; answers with what is to be put in place of the example's own. */
  readonly before?: (sandbox: LockboxSandbox) => Promise<Substitutes> | Substitutes;
}

const having = (secret: Partial<SecretSpec> = {}): LockboxBuilder => lab.withSecret({ ...dbApp, ...secret });
const plain: Scenario = { world: having() };
const told = (act: (sandbox: LockboxSandbox) => unknown, world = having()): Scenario => ({
  world,
  before(sandbox) {
    act(sandbox);
    return {};
  },
});

const [, v2, v3] = ids.versions;
const generated = { generated: passwordSpec, kmsKeyId: 'abjkmskey00000000001', deletionProtection: true };
const others = ['other', 'third'].map((name, index) => ({
  ...dbApp,
  name,
  id: `e6qsecret0000000000${index + 2}`,
  versions: [{ entries: { username: 'app', password: 'x' } }],
}));
const three = others.reduce((world, secret) => world.withSecret(secret), having());
const destroyed = having({ versions: [{ ...dbApp.versions[0], destroyIn: 0 }, dbApp.versions[1] ?? {}] });

/** More of them than there are on a page. */
const many = having({
  versions: [
    ...Array.from({ length: 100 }, () => ({ entries: { username: 'app', password: 'x' }, destroyIn: 0 })),
    { id: v2, entries: { username: 'app', password: 'x' }, destroyIn: days(7) },
    { id: v3, entries: { username: 'app', password: 'x' } },
  ],
});

/** Starts an operation by another example's request, and asks for that. */
const operationOf = (name: string, misdeed: object, world = having()): Scenario => ({
  world,
  async before(sandbox) {
    sandbox.control.fault({ kind: 'operation', ...misdeed, times: 1 });
    const started = await ask(sandbox, example(name));
    const path = `/operations/${(started.body as { id: string }).id}`;
    return { path };
  },
});

const adding = 'secret.addVersion: change one key, rest inherited from current';
const creating = 'secret.create: user secret, operation in progress';

export const scenarios: Readonly<Record<string, Scenario>> = {
  'secret.get: active user secret': plain,
  'secret.get: unchanged currentVersion, everything defaulted printed': { world: having({ labels: {} }) },
  'secret.get: generated secret (passwordPayloadSpecification) + KMS': {
    world: having({ ...generated, versions: [{ id: v2 }] }),
  },
  'secret.get: no version yet (createVersion=false)': { world: having({ versions: [] }) },
  'secret.get: current version scheduled for destruction': told(({ control }) => control.scheduleDestruction(days(7))),
  'secret.get: inactive secret': { world: having({ inactive: true }) },
  'secret.get: 404': plain,
  'secret.get: 401 expired IAM token': {
    world: having(),
    before(sandbox) {
      const token = sandbox.account.token().value;
      sandbox.control.skew(hours(12));
      return { token };
    },
  },
  'secret.get: 403': told(({ control }) => control.setRoles(['lockbox.payloadViewer'])),
  'secret.get: 429': told(({ control }) => control.fault({ kind: 'limit' })),
  'secret.get: 503': told(({ control }) => control.fault({ kind: 'fail', status: 503 })),
  'secret.get: gateway 502 with non-JSON body': told(({ control }) => control.fault({ kind: 'page', status: 502 })),
  'secret.list: page 1': { world: three },
  'secret.list: last page': { world: three },
  'secret.list: empty folder': { world: lab },
  'secret.list: 400 missing folderId': plain,
  [creating]: { world: lab },
  'secret.create: generated secret, no version': { world: lab },
  'secret.update: name+description': plain,
  'secret.update: set passwordPayloadSpecification': plain,
  'secret.activate': { world: having({ inactive: true }) },
  'secret.deactivate': plain,
  'secret.delete': plain,
  'secret.delete: 400 deletionProtection': { world: having({ deletionProtection: true }) },
  [adding]: plain,
  'secret.addVersion: asynchronous answer': told(({ control }) => control.fault({ kind: 'operation', polls: 1 })),
  'secret.addVersion: remove a key': {
    world: having({ versions: [{ entries: { username: 'app', password: 'x', legacy: 'y' } }] }),
  },
  'secret.addVersion: server-generated password': { world: having({ ...generated, versions: [{ id: v2 }] }) },
  'secret.addVersion: 409 concurrent change': {
    world: having().assuming({ concurrentChanges: 'aborted' }),
    async before(sandbox) {
      sandbox.control.fault({ kind: 'operation', polls: 9, times: 1 });
      await ask(sandbox, example(adding));
      return {};
    },
  },
  'secret.addVersion: 429 version quota': { world: having().with({ versionQuota: 2 }) },
  'secret.setCurrentVersion: rollback': plain,
  'secret.listVersions: page': { world: many },
  'secret.scheduleVersionDestruction: 7 days': plain,
  'secret.cancelVersionDestruction': told(({ control }) => control.scheduleDestruction(days(7), v2)),
  'secret.cancelVersionDestruction: 400 already destroyed': { world: destroyed },
  'secret.listOperations': {
    world: having(),
    async before(sandbox) {
      await ask(sandbox, example('secret.addVersion: asynchronous answer'));
      return {};
    },
  },
  'operation.get: in progress': operationOf(adding, { polls: 9 }),
  'operation.get: done with response': operationOf('secret.addVersion: asynchronous answer', {}),
  'operation.get: error set while done=false (rollback running)': operationOf(
    creating,
    { error: { code: 13 }, polls: 1, rollback: 9 },
    lab,
  ),
  'operation.get: done with error': {
    world: lab,
    async before(sandbox) {
      // Everything but the KMS key.
      sandbox.control.setRoles(['lockbox.editor']);
      const started = await ask(sandbox, example(creating));
      return { path: `/operations/${(started.body as { id: string }).id}` };
    },
  },
  'payload.get: current version': {
    world: having({
      versions: [
        {
          id: v2,
          entries: { username: 'app', password: 'CONSTRUCTED-pw-2', blob: { binary: 'AAEC/w==' } },
        },
      ],
    }),
  },
  'payload.get: pinned version': plain,
  'payload.get: 403 without lockbox.payloadViewer': told(({ control }) => control.setRoles(['lockbox.editor'])),
  'payload.get: 400 inactive secret / destroyed version': { world: destroyed },
  'payload.getEx: by folder and name': plain,
  'iam.createToken: jwt': {
    world: lab,
    before: ({ account, books }) => ({ body: { jwt: ps256(account.keyFile, { now: books().now }) } }),
  },
  'iam.createToken: oauth': { world: lab },
  'iam.createToken: 401 bad signature': {
    world: lab,
    before({ account, books }) {
      const jwt = ps256(account.keyFile, { now: books().now });
      return { body: { jwt: `${jwt.slice(0, -8)}AAAAAAAA` } };
    },
  },
  'iam.createForServiceAccount': { world: lab },
  'iam.revoke': { world: lab, before: ({ account }) => ({ body: { iamToken: account.token().value } }) },
  'metadata.token': { world: lab },
  'metadata.token: 404 no service account': { world: lab.with({ attached: null }) },
  'wlif.exchange': { world: lab, before: ({ account }) => ({ body: { subject_token: account.subjectToken() } }) },
  'endpoints.list': { world: lab },
  'endpoints.get': { world: lab },
};
