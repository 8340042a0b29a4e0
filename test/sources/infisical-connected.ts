/** The sandbox of Infisical, and sources of a provider that is connected to it and logged in. */
import { steadyClock } from '../../src/clock.ts';
import type { Material } from '../../src/core/material.ts';
import type { Duration } from '../../src/core/time.ts';
import { providers, sources } from '../../src/sources/index.ts';
import type { Source } from '../../src/sources/source.ts';
import type { SandboxBuilder } from '../sandbox/infisical/builder.ts';
import type { Sandbox } from '../sandbox/infisical/sandbox.ts';
import { type HeardDeps, someDeps } from './deps.ts';

export interface ConnectedInfisical {
  readonly sandbox: Sandbox;
  readonly deps: HeardDeps;
  /** Time passes, there and here. */
  pass(by: Duration): void;
  secrets(options?: object): Source;
  /** Requests to that route so far. */
  asked(route: string): number;
  /** From now on the requests are those of that identity. */
  become(identity: string): Promise<void>;
  close(): Promise<void>;
}

export async function connectedToInfisical(described: SandboxBuilder, markKey?: Buffer): Promise<ConnectedInfisical> {
  const sandbox = await described.start();
  const steady = steadyClock();
  let passed = 0;
  const env: Record<string, string> = {};
  const own = { ...someDeps({ clock: { now: () => steady.now() + passed }, env }) };
  const deps = markKey ? { ...own, markKey } : own;
  const connect = (name?: string) => {
    const { clientId, clientSecret } = name === undefined ? sandbox.identity : sandbox.identityNamed(name);
    env['CLIENT_SECRET'] = clientSecret;
    const auth = { method: 'universal', clientId, clientSecret: { env: 'CLIENT_SECRET' } };
    return providers[0].schema.parse({ type: 'infisical', url: sandbox.url, auth }).connect(deps);
  };
  const provider = connect();
  async function become(name?: string): Promise<void> {
    const other = connect(name);
    const token = await other.token?.source.acquire({ signal: new AbortController().signal, key: 'login' });
    if (token) deps.give({ lease: token.lease.id, generation: 0, material: token.material });
    await other.close();
  }
  await become();
  return {
    sandbox,
    deps,
    become,
    pass(by) {
      passed += by;
      sandbox.control.skew(by);
    },
    secrets: (options = {}) =>
      sources[2].schema
        .parse({
          type: 'infisical/secrets',
          provider: 'main',
          environment: 'prod',
          ...('projectId' in options ? {} : { project: 'shop' }),
          ...options,
        })
        .open(provider),
    asked: (route) => sandbox.books().counts[route] ?? 0,
    async close() {
      await provider.close();
      await sandbox.close();
    },
  };
}

export const valuesOf = (material: Material): Record<string, string> =>
  Object.fromEntries(material.keys().map((key) => [key, material.reveal(key) ?? '']));
