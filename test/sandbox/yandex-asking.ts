/** Asks Lockbox as a keeper would, with a token that was given to it; for tests of the sandbox. */
import { afterEach, expect } from 'vitest';
import { type Reply, say } from './asking.ts';
import { aLockbox, type LockboxBuilder } from './yandex/builder.ts';
import type { LockboxAccount, LockboxSandbox } from './yandex/sandbox.ts';
import type { Host } from './yandex/spec.ts';

export interface ShownVersion {
  readonly id: string;
  readonly status: string;
  readonly destroyAt?: string;
  readonly payloadEntryKeys: readonly string[];
}

export interface ShownOperation {
  readonly id: string;
  readonly done: boolean;
  readonly metadata: { readonly versionId: string; readonly destroyAt?: string };
  readonly error?: { readonly code: number; readonly message: string };
  readonly response?: ShownVersion;
}

/** About the first secret of the sandbox, unless a path says otherwise. */
export interface Keeper {
  readonly at: LockboxSandbox;
  ask(host: Host, method: string, path: string, more?: { body?: unknown; headers?: object }): Promise<Reply>;
  /** `addVersion` and the like; answers with the operation. Throws where there is none. */
  order(verb: string, body?: object, key?: string): Promise<ShownOperation>;
  /** The same, whatever comes of it: `400/9`. */
  outcome(verb: string, body?: object): Promise<string>;
  current(): Promise<ShownVersion | undefined>;
  versions(): Promise<readonly ShownVersion[]>;
  /** Values by their keys; binary ones in base64. */
  payload(version?: string): Promise<Readonly<Record<string, string>>>;
  /** `200`, or why not: `400/9`. */
  readable(version?: string): Promise<string>;
  operation(id: string): Promise<ShownOperation>;
}

const root = '/lockbox/v1/secrets';
const textOf = ({ status, body }: Reply) => `${status}/${(body as { code?: number } | null)?.code}`;
export const outcomeOf = (reply: Reply): string => (reply.status === 200 ? '200' : textOf(reply));

export function keeperAt(at: LockboxSandbox, account: LockboxAccount = at.account): Keeper {
  const token = account.token().value;
  const path = `${root}/${at.secret().id}`;
  const ask: Keeper['ask'] = (host, method, target, { body, headers } = {}) => {
    const content = typeof body === 'string' ? body : body === undefined ? undefined : JSON.stringify(body);
    const sent = { authorization: `Bearer ${token}`, ...headers };
    const message = { method, path: target, headers: sent, ...(content === undefined ? {} : { body: content }) };
    return say(at.endpoints[host], message);
  };
  const tell = (verb: string, body?: object, key?: string) =>
    ask('lockbox', 'POST', `${path}:${verb}`, { body, headers: key === undefined ? {} : { 'idempotency-key': key } });
  const payloadReply = (version = '') =>
    ask('payload', 'GET', `${path}/payload${version === '' ? '' : `?versionId=${version}`}`);
  const bodyOf = <T>(reply: Reply): T => {
    if (reply.status !== 200) throw new Error(textOf(reply));
    return reply.body as T;
  };
  return {
    at,
    ask,
    order: async (...given) => bodyOf(await tell(...given)),
    async outcome(verb, body) {
      const reply = await tell(verb, body);
      const { error } = (reply.body ?? {}) as Partial<ShownOperation>;
      return error === undefined ? outcomeOf(reply) : `200 with ${error.code}`;
    },
    current: async () => bodyOf<{ currentVersion?: ShownVersion }>(await ask('lockbox', 'GET', path)).currentVersion,
    versions: async () =>
      bodyOf<{ versions: ShownVersion[] }>(await ask('lockbox', 'GET', `${path}/versions`)).versions,
    async payload(version) {
      const { entries } = bodyOf<{ entries: Record<string, string>[] }>(await payloadReply(version));
      return Object.fromEntries(
        entries.map(({ key = '', textValue, binaryValue = '' }) => [key, textValue ?? binaryValue]),
      );
    },
    readable: async (version) => outcomeOf(await payloadReply(version)),
    operation: async (id) => bodyOf(await ask('operation', 'GET', `/operations/${id}`)),
  };
}

/** Starts sandboxes for the tests of a file, and ends them; each must have found no error of its own. */
export function lockboxes() {
  let open: LockboxSandbox[] = [];
  afterEach(async () => {
    const troubles = open.flatMap((sandbox) => sandbox.books().troubles);
    await Promise.all(open.map((sandbox) => sandbox.close()));
    open = [];
    expect(troubles).toEqual([]);
  });
  const start = async (builder: LockboxBuilder): Promise<LockboxSandbox> => {
    const sandbox = await builder.start();
    open.push(sandbox);
    return sandbox;
  };
  return { start, keeper: async (builder: LockboxBuilder) => keeperAt(await start(builder)) };
}

/** Whether this token opens the first secret's metadata: `200`, or why not. */
export const seen = async (at: LockboxSandbox, token: string, scheme = 'Bearer'): Promise<string> => {
  const headers = { authorization: `${scheme} ${token}` };
  return outcomeOf(await say(at.endpoints.lockbox, { method: 'GET', path: `${root}/${at.secret().id}`, headers }));
};

/** One secret, `db`, with a user and a password. */
export const withDb = aLockbox().withSecret({ name: 'db', entries: { username: 'app', password: 'pw-1' } });
