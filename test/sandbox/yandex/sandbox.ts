/** A stand-in for Lockbox and IAM that keeps state and answers as the contract says, and can be told to fail. */
import type { RequestListener } from 'node:http';
import type { Duration } from '../../../src/core/time.ts';
import { serveControls } from '../control-http.ts';
import { openFaults, refuseUnknown } from '../faults.ts';
import { type Listener, openListener } from '../listener.ts';
import type { LockboxBooks } from './books.ts';
import { accountNamed, secretNamed, type WorldControl, worldControl } from './control.ts';
import { type LockboxFault, type LockboxMisdeed, ownMisdeeds, type RouteName, routeNames } from './faults.ts';
import { makeWorld } from './furnish.ts';
import { isOrder, obey } from './orders.ts';
import { serve } from './serve.ts';
import { type Host, hosts, type LockboxSpec } from './spec.ts';
import { give } from './tokens.ts';
import type { KeyFile, World } from './world.ts';

export interface LockboxControl extends WorldControl {
  /** Do this wrong from now on. Answers with what switches it off. */
  fault(fault: LockboxFault): () => void;
  clearFaults(): void;
  /** Connections to one service, or to all, are reset, new ones refused; after so long (or at `up`) it is back. */
  down(after?: Duration, host?: Host): Promise<void>;
  up(host?: Host): Promise<void>;
  books(): LockboxBooks;
}

/** What a client needs to know of a service account. */
export interface LockboxAccount {
  readonly name: string;
  readonly id: string;
  /** To be written as JSON, as the console does. */
  readonly keyFile: KeyFile;
  /** As `control.subjectToken`. */
  subjectToken(life?: Duration): string;
  /** An IAM token that somebody else got. */
  token(): { readonly value: string; readonly expiresAt: number };
}

export interface LockboxSecret {
  readonly name: string;
  readonly id: string;
  readonly folderId: string;
  /** The ids of its versions, oldest first. */
  versions(): readonly string[];
  current(): string | undefined;
}

export interface LockboxSandbox {
  /** URLs, to be used as the provider's `endpoints`. */
  readonly endpoints: Readonly<Record<Host, string>>;
  /** For `YC_METADATA_ADDR`. */
  readonly metadataAddress: string;
  /** Where it is told to fail over HTTP; never down. */
  readonly controlUrl: string;
  /** The first account; `accountNamed` finds others. */
  readonly account: LockboxAccount;
  accountNamed(name: string): LockboxAccount;
  /** The first secret, or the one of this name or id. */
  secret(name?: string): LockboxSecret;
  readonly control: LockboxControl;
  /** Everything that ever happened, for whoever judges. */
  books(): LockboxBooks;
  /** Ends it with all its connections and timers. Twice is harmless. */
  close(): Promise<void>;
}

/** Resolves when all its services listen on the loopback. State survives nothing. */
export async function startLockbox(spec: LockboxSpec = {}): Promise<LockboxSandbox> {
  const world = makeWorld(spec);
  const faults = openFaults<RouteName, LockboxMisdeed>();
  const serving = { world, faults, obey: (order: Parameters<typeof obey>[1]) => obey(control, order) };
  const open = (host: Host | 'control', onRequest: (...given: Parameters<RequestListener>) => Promise<void>) =>
    openListener(spec.ports?.[host] ?? 0, (...given) => void onRequest(...given).catch(world.books.trouble));
  const doors = new Map<Host, Listener>();
  for (const host of hosts) doors.set(host, await open(host, (...given) => serve(serving, host, ...given)));
  const some = (host: Host | undefined) => [...doors].filter(([name]) => host === undefined || name === host);
  const control: LockboxControl = {
    ...worldControl(world),
    fault(fault) {
      refuseUnknown(fault, routeNames, ownMisdeeds);
      if (fault.kind === 'meanwhile' && !isOrder(fault.order)) throw new Error('the sandbox knows no such order');
      return faults.add(fault);
    },
    clearFaults: () => faults.clear(),
    async down(after, host) {
      await Promise.all(some(host).map(([, door]) => door.down(after)));
    },
    async up(host) {
      await Promise.all(some(host).map(([, door]) => door.up()));
    },
    books() {
      world.clock.catchUp();
      return world.books.read(world.clock.now());
    },
  };
  const controls = {
    ...control,
    accepts(asked: unknown) {
      const { values, token } = asked as { values?: Record<string, unknown>; token?: string };
      return token === undefined ? control.accepts(values ?? {}) : control.acceptsToken(token);
    },
    whereabouts: (asked: unknown) => control.versionsWith((asked as { values: Record<string, unknown> }).values),
    obey: (order: { readonly kind: string }) =>
      isOrder(order) ? obey(control, order) : void control.fault(order as LockboxFault),
  };
  const telling = await open('control', (...given) => serveControls(controls, ...given));
  const address = (host: Host) => `127.0.0.1:${doors.get(host)?.port}`;
  world.addresses = {
    iam: address('iam'),
    lockbox: address('lockbox'),
    'lockbox-payload': address('payload'),
    operation: address('operation'),
  };
  return {
    endpoints: Object.fromEntries(hosts.map((host) => [host, `http://${address(host)}`])) as Record<Host, string>,
    metadataAddress: address('metadata'),
    controlUrl: `http://127.0.0.1:${telling.port}`,
    account: introduce(world, undefined),
    accountNamed: (name) => introduce(world, name),
    secret(name) {
      const secret = secretNamed(world, name);
      return {
        name: secret.name,
        id: secret.id,
        folderId: secret.folderId,
        versions: () => secret.versions.map(({ id }) => id),
        current: () => secret.current?.id,
      };
    },
    control,
    books: control.books,
    async close() {
      world.clock.stop();
      await Promise.all([telling, ...doors.values()].map((door) => door.down()));
    },
  };
}

function introduce(world: World, name: string | undefined): LockboxAccount {
  const account = accountNamed(world, name);
  const key = [...account.keys.values()][0];
  if (key === undefined) throw new Error(`service account "${account.name}" has no key`);
  return {
    name: account.name,
    id: account.id,
    get keyFile() {
      return key.file();
    },
    subjectToken: (life) => worldControl(world).subjectToken(account.name, life),
    token() {
      const { value, expiresAt } = give(world, 'console', () => account);
      return { value, expiresAt };
    },
  };
}
