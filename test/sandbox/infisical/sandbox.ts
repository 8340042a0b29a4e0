/** A stand-in for Infisical that keeps state and answers as the contract says, and can be told to fail. */
import type { RequestListener } from 'node:http';
import type { Duration } from '../../../src/core/time.ts';
import { serveControls } from '../control-http.ts';
import { openFaults } from '../faults.ts';
import { openListener } from '../listener.ts';
import type { Books } from './books.ts';
import { type WorldControl, worldControl } from './control.ts';
import { controlsOf } from './control-http.ts';
import type { Fault, RouteName } from './faults.ts';
import { makeWorld } from './furnish.ts';
import { keepState } from './persistence.ts';
import { makeLimiter } from './rate-limit.ts';
import { type SecretControl, secretControl } from './secret-control.ts';
import { serve } from './serve.ts';
import type { SandboxSpec } from './spec.ts';
import type { World } from './world.ts';

export interface SandboxControl extends WorldControl, SecretControl {
  /** Do this wrong from now on. Answers with what switches it off. */
  fault(fault: Fault): () => void;
  clearFaults(): void;
  /** Connections are reset, new ones refused; after so long (or at `up`) it is back on the same port. */
  down(after?: Duration): Promise<void>;
  up(): Promise<void>;
  books(): Books;
}

/** What a client needs to know of an identity. */
export interface SandboxIdentity {
  readonly name: string;
  readonly id: string;
  readonly clientId: string;
  /** The first of its client secrets. */
  readonly clientSecret: string;
}

export interface Sandbox {
  /** To be used as the provider's `url`. */
  readonly url: string;
  readonly port: number;
  /** The first identity; `identityNamed` finds others. */
  readonly identity: SandboxIdentity;
  identityNamed(name: string): SandboxIdentity;
  readonly control: SandboxControl;
  /** Everything that ever happened, for whoever judges. */
  books(): Books;
  /** Ends it with all its connections and timers. Accounts in a real Redis stay. Twice is harmless. */
  close(): Promise<void>;
}

/** Resolves when it listens on the loopback. State survives nothing, but where `stateFile` is given. */
export async function startSandbox(spec: SandboxSpec = {}): Promise<Sandbox> {
  const identities = spec.identities ?? [{}];
  const world = makeWorld({ ...spec, identities });
  if (spec.stateFile !== undefined) keepState(world, spec.stateFile);
  const faults = openFaults<RouteName>();
  const limiter = makeLimiter(world);
  const books = () => world.books.read(world.clock.now());
  const onRequest: RequestListener = (request, response) => {
    const served = request.url?.startsWith('/__sandbox/')
      ? serveControls(controlsOf(control), request, response)
      : serve({ world, faults, limiter }, request, response);
    served.catch(world.books.trouble);
  };
  const listener = await openListener(spec.port ?? 0, onRequest);
  const control: SandboxControl = {
    ...worldControl(world),
    ...secretControl(world),
    fault: (fault) => faults.add(fault),
    clearFaults: () => faults.clear(),
    down: (length) => listener.down(length),
    up: () => listener.up(),
    books,
  };
  const identityNamed = (name: string) => introduce(world, (one) => one.name === name);
  return {
    url: `http://127.0.0.1:${listener.port}`,
    port: listener.port,
    identity: introduce(world, () => true),
    identityNamed,
    control,
    books,
    async close() {
      world.clock.stop();
      await listener.down();
      await Promise.all([...world.targets].map((target) => target.close()));
    },
  };
}

function introduce(world: World, match: (one: SandboxIdentity) => boolean): SandboxIdentity {
  const known = [...world.identities.values()].map(({ name, id, clientId, clientSecrets }) => ({
    name,
    id,
    clientId,
    clientSecret: clientSecrets[0]?.secret ?? '',
  }));
  const found = known.find(match);
  if (found === undefined) throw new Error('the sandbox has no such identity');
  return found;
}
