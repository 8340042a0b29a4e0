/** A provider that is connected to a Lockbox sandbox, with a token in its hand; for tests of its sources. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, expect } from 'vitest';
import { steadyClock } from '../../src/clock.ts';
import type { Material } from '../../src/core/material.ts';
import type { Duration } from '../../src/core/time.ts';
import type { Provider } from '../../src/sources/define.ts';
import type { Source } from '../../src/sources/source.ts';
import { yandex, yandexIamToken, yandexLockbox } from '../../src/sources/yandex/provider.ts';
import { aLockbox, type LockboxBuilder } from '../sandbox/yandex/builder.ts';
import type { LockboxSandbox } from '../sandbox/yandex/sandbox.ts';
import { aToken, type HeardDeps, someDeps } from './deps.ts';

export interface Connected {
  readonly sandbox: LockboxSandbox;
  readonly deps: HeardDeps;
  readonly env: Record<string, string>;
  readonly provider: Provider;
  /** The provider's own token. */
  readonly token: Source;
  /** The first secret, with these options. */
  secret(options?: object): Source;
  /** Another provider at the same sandbox. */
  connect(auth: object, more?: object): Provider;
  /** Show a token of this account from now on. */
  showTokenOf(account?: string): void;
  /** Time passes, there and here. */
  pass(by: Duration): void;
  /** How often each route was asked. */
  counts(): Readonly<Record<string, number>>;
  close(): Promise<void>;
}

export const given = { method: 'token', token: { env: 'IAM_TOKEN' } };

export async function connectedTo(builder: LockboxBuilder): Promise<Connected> {
  const sandbox = await builder.start();
  const steady = steadyClock();
  let passed = 0;
  const env: Record<string, string> = { IAM_TOKEN: 't1.given.token', YC_METADATA_ADDR: sandbox.metadataAddress };
  const deps = someDeps({ clock: { now: () => steady.now() + passed }, env });
  const { lockbox, payload, operation, iam, auth: exchange } = sandbox.endpoints;
  const endpoints = { lockbox, payload, operation, iam, auth: exchange };
  const open: Provider[] = [];
  const connect: Connected['connect'] = (auth, more = {}) => {
    const connected = yandex.schema.parse({ type: 'yandex', auth, endpoints, ...more }).connect(deps);
    open.push(connected);
    return connected;
  };
  const provider = connect(given);
  let shown = 0;
  const showTokenOf: Connected['showTokenOf'] = (name) => {
    const account = name === undefined ? sandbox.account : sandbox.accountNamed(name);
    shown += 1;
    deps.give(aToken(account.token().value, `token-${shown}`));
  };
  showTokenOf();
  return {
    sandbox,
    deps,
    env,
    provider,
    connect,
    showTokenOf,
    token: tokenOf(provider),
    secret: (options) => lockboxOf(provider, { secretId: sandbox.secret().id, ...options }),
    pass(by) {
      passed += by;
      sandbox.control.skew(by);
    },
    counts: () => sandbox.books().counts,
    async close() {
      await Promise.all(open.map((one) => one.close()));
      await sandbox.close();
    },
  };
}

export const tokenOf = (provider: Provider): Source =>
  yandexIamToken.schema.parse({ type: 'yandex/iam-token', provider: 'main' }).open(provider);

export const lockboxOf = (provider: Provider, options: object): Source =>
  yandexLockbox.schema.parse({ type: 'yandex/lockbox', provider: 'main', ...options }).open(provider);

/** Starts them for the tests of a file, and ends them; none must have found an error of its own. */
export function connections() {
  let open: Connected[] = [];
  afterEach(async () => {
    const troubles = open.flatMap(({ sandbox }) => sandbox.books().troubles);
    await Promise.all(open.map((one) => one.close()));
    open = [];
    expect(troubles).toEqual([]);
  });
  return async (builder: LockboxBuilder): Promise<Connected> => {
    const one = await connectedTo(builder);
    open.push(one);
    return one;
  };
}

/** One secret with two versions, of which `v2` is current. */
export const withTwo = aLockbox().withSecret({
  name: 'db',
  id: 'e6qdb',
  versions: ['v1', 'v2'].map((id) => ({ id, entries: { username: 'app', password: `password-${id}` } })),
});

export const valuesOf = (material: Material): Record<string, string | undefined> =>
  Object.fromEntries(material.keys().map((key) => [key, material.reveal(key)]));

export const call = { signal: new AbortController().signal };
export const anAcquire = () => ({ ...call, key: crypto.randomUUID() });

export async function keyFileIn(
  folder: string,
  sandbox: LockboxSandbox,
  change: (file: object) => unknown = (it) => it,
) {
  const path = join(folder, `key-${crypto.randomUUID()}.json`);
  await writeFile(path, JSON.stringify(change(sandbox.account.keyFile)));
  return path;
}
