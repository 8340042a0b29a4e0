/** A machine identity that logs in from some place, at an Infisical that checks what it is shown. */
import { steadyClock } from '../../src/clock.ts';
import type { Provider } from '../../src/sources/define.ts';
import { providers } from '../../src/sources/index.ts';
import type { Acquired, Source } from '../../src/sources/source.ts';
import { aSandbox } from '../sandbox/infisical/builder.ts';
import type { Sandbox } from '../sandbox/infisical/sandbox.ts';
import type { Flavour } from '../sandbox/infisical/spec.ts';
import type { Around, Place } from '../sandbox/machines/places.ts';
import { type HeardDeps, someDeps } from './deps.ts';

export interface LoginStage {
  readonly sandbox: Sandbox;
  readonly place: Place;
  readonly deps: HeardDeps;
  readonly env: Record<string, string>;
  readonly source: Source;
  logIn(): Promise<Acquired>;
  /** How many requests have come to Infisical. */
  requests(): number;
  /** Another client of the same identity, with this changed. */
  connect(change?: object): { readonly provider: Provider; readonly source: Source };
  close(): Promise<void>;
}

export const identityId = '0b7d3a2e-54a5-4a0e-8c53-2f9b2f6a1c77';
const signal = new AbortController().signal;

export async function aLoginFrom(
  start: (around: Around) => Promise<Place>,
  { flavour = '2025', skew = 0 }: { flavour?: Flavour; skew?: number } = {},
): Promise<LoginStage> {
  const sandbox = await aSandbox().flavour(flavour).withIdentity({ id: identityId }).with({ skew }).start();
  const place = await start({ identityId, clock: { now: () => sandbox.books().now } });
  sandbox.control.setLogins(place.logins);
  const env = { ...place.env };
  const deps = someDeps({ clock: steadyClock(), env });
  const opened: Provider[] = [];
  const connect = (change: object = {}) => {
    const auth = { ...place.auth, ...change };
    const provider = providers[0].schema.parse({ type: 'infisical', url: sandbox.url, auth }).connect(deps);
    opened.push(provider);
    if (!provider.token) throw new Error('the provider keeps no token');
    return { provider, source: provider.token.source };
  };
  const { source } = connect();
  return {
    sandbox,
    place,
    deps,
    env,
    source,
    logIn: () => source.acquire({ signal, key: 'k' }),
    requests: () => Object.values(sandbox.books().counts).reduce((sum, count) => sum + count, 0),
    connect,
    async close() {
      for (const provider of opened) await provider.close();
      const { troubles } = sandbox.books();
      await sandbox.close();
      await place.close();
      if (troubles.length > 0) throw new Error(`the sandbox had troubles: ${troubles.join(', ')}`);
    },
  };
}
