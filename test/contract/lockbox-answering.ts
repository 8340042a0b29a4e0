/** A Yandex Cloud whose hosts are all one server that answers as a test says, and the ways in which our client asks it. */
import { generateKeyPairSync } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll } from 'vitest';
import { LeaseError, ProviderBlocked } from '../../src/core/failure.ts';
import type { Provider } from '../../src/sources/define.ts';
import type { Asking } from '../../src/sources/yandex/client.ts';
import { type LockboxApi, lockboxApi } from '../../src/sources/yandex/lockbox-api.ts';
import { yandex } from '../../src/sources/yandex/provider.ts';
import { aToken, someDeps } from '../sources/deps.ts';
import { serve } from '../sources/servers.ts';
import { lockboxOf, tokenOf, valuesOf } from '../sources/yandex-connected.ts';
import { type Example, ids } from './lockbox-lab.ts';

export type Answer = Pick<Example['response'], 'status' | 'body'> & {
  readonly headers?: Readonly<Record<string, string>>;
};

export interface Answering {
  /** `GET /path`, as often as it was asked. */
  readonly heard: readonly string[];
  /** What was sent with it; of what had no body nothing. */
  readonly bodies: readonly unknown[];
  readonly provider: Provider;
  connect(auth: object): Provider;
  api(path: string): LockboxApi;
  close(): Promise<void>;
}

export async function answering(answers: readonly Answer[]): Promise<Answering> {
  const rest = [...answers];
  const heard: string[] = [];
  const bodies: unknown[] = [];
  const server = await serve(async (request, response) => {
    heard.push(`${request.method} ${request.url?.split('?')[0]}`);
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const sent = Buffer.concat(chunks).toString();
    if (request.headers['content-type'] === 'application/json') bodies.push(JSON.parse(sent));
    const { status, body, headers }: Answer = rest.shift() ?? { status: 599, body: '' };
    const isText = typeof body === 'string';
    response.sendDate = false;
    response.writeHead(status, { 'content-type': isText ? 'text/plain' : 'application/json', ...headers });
    response.end(isText ? body : JSON.stringify(body));
  });
  const { url } = server;
  const deps = someDeps({ env: { YC_METADATA_ADDR: url.replace('http://', '') }, token: aToken('t1.shown') });
  const endpoints = { lockbox: url, payload: url, operation: url, iam: url, auth: url };
  const open: Provider[] = [];
  const connect = (auth: object): Provider => {
    const one = yandex.schema.parse({ type: 'yandex', auth, endpoints }).connect(deps);
    open.push(one);
    return one;
  };
  const provider = connect({ method: 'metadata' });
  return {
    heard,
    bodies,
    provider,
    connect,
    api: (path) => lockboxApi(provider.client as Asking, secretIn(path)),
    async close() {
      await Promise.all(open.map((one) => one.close()));
      await server.close();
    },
  };
}

/** As the path of an example names it. */
const secretIn = (path: string): string => /^\/lockbox\/v1\/secrets\/([^/:]+)/.exec(path)?.[1] ?? ids.secret;

/** What came of it, in a word or as it is. */
export const outcomeOf = (asked: Promise<unknown>): Promise<unknown> =>
  asked.catch((error: unknown) => {
    if (error instanceof ProviderBlocked) return error.because;
    if (!(error instanceof LeaseError)) throw error;
    const roles = error.message.match(/(lockbox|kms\.keys)\.[a-zA-Z]+(\.count)?/g) ?? [];
    return [error.code, ...roles, ...(error.unsure ? ['unsure'] : [])].join(' ');
  });

const call = { signal: new AbortController().signal };

/** What is said of a version that we hold. */
export const observing =
  (version: string) =>
  (at: Answering, path: string): Promise<unknown> =>
    Promise.resolve(lockboxOf(at.provider, { secretId: secretIn(path) }).observe?.({ id: version, issuedAt: 0 }, call));

export const listing = async (at: Answering, path: string): Promise<unknown> =>
  (await at.api(path).versions(call.signal)).versions.map(({ id, status, destroyAt }) => [id, status, destroyAt]);

export const reading =
  (version: string) =>
  async (at: Answering, path: string): Promise<unknown> =>
    valuesOf(await at.api(path).payload(version, call.signal));

/** Answers with the version it was about. */
export const changing =
  (verb: Parameters<LockboxApi['change']>[0]) =>
  async (at: Answering, path: string): Promise<unknown> =>
    (await at.api(path).change(verb, {}, call)).metadata?.versionId;

const folder = mkdtempSync(join(tmpdir(), 'lk-examples-'));
const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
const keyFile = join(folder, 'key.json');
const private_key = privateKey.export({ type: 'pkcs8', format: 'pem' });
writeFileSync(keyFile, JSON.stringify({ id: 'k', service_account_id: 'aje', private_key }));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const methods = {
  key: { method: 'service-account-key', keyFile },
  metadata: { method: 'metadata' },
  workload: { method: 'workload-identity', serviceAccountId: 'aje', tokenFile: keyFile },
};

/** Answers with the token, and with how long it lives from when it was asked for, or until when. */
export const exchanging =
  (by: keyof typeof methods, how: 'lives' | 'ends') =>
  async (at: Answering): Promise<unknown> => {
    const source = tokenOf(at.connect(methods[by]));
    const { lease, material } = await source.acquire({ ...call, key: crypto.randomUUID() });
    const end = lease.expiresAt ?? 0;
    return [material.reveal('token'), how === 'ends' ? end : end - lease.issuedAt];
  };
