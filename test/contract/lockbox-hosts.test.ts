/** The hosts of the public cloud, each as the examples have it: what nothing is said of in the configuration goes there. */
import { generateKeyPairSync } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it, vi } from 'vitest';
import type { Wire } from '../../src/http/exchange.ts';
import type { Provider } from '../../src/sources/define.ts';
import type { Asking } from '../../src/sources/yandex/client.ts';
import { lockboxApi } from '../../src/sources/yandex/lockbox-api.ts';
import { yandex } from '../../src/sources/yandex/provider.ts';
import { aToken, someDeps } from '../sources/deps.ts';
import { tokenOf } from '../sources/yandex-connected.ts';
import { example, ids } from './lockbox-lab.ts';

const { sent, answers } = vi.hoisted(() => ({ sent: [] as Wire[], answers: [] as unknown[] }));

/** Nothing gets onto the network. */
vi.mock('../../src/http/exchange.ts', () => ({
  exchange: async (_: unknown, wire: Wire) => {
    sent.push(wire);
    const body = Buffer.from(JSON.stringify(answers.shift()));
    return { status: 200, headers: { 'content-type': 'application/json' }, body, sentAt: 0, answeredAt: 0 };
  },
}));
vi.mock('../../src/clock.ts', async (original) => ({
  ...(await original<typeof import('../../src/clock.ts')>()),
  sleep: async () => undefined,
}));

const folder = mkdtempSync(join(tmpdir(), 'lk-hosts-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const keyFile = join(folder, 'key.json');
const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
const private_key = privateKey.export({ type: 'pkcs8', format: 'pem' });
writeFileSync(keyFile, JSON.stringify({ id: 'k', service_account_id: 'aje', private_key }));

const call = { signal: new AbortController().signal };
const [v1] = ids.versions;
const api = (provider: Provider) => lockboxApi(provider.client as Asking, ids.secret);
const token = (provider: Provider) => tokenOf(provider).acquire({ ...call, key: crypto.randomUUID() });
const metadata = { method: 'metadata' };
const underWay = 'secret.addVersion: asynchronous answer';

it.each([
  ['https', 'secret.get: active user secret', [], metadata, (at: Provider) => api(at).secret(call.signal)],
  ['https', 'payload.get: pinned version', [], metadata, (at: Provider) => api(at).payload(v1, call.signal)],
  [
    'https',
    'operation.get: done with response',
    [underWay],
    metadata,
    (at: Provider) => api(at).change('addVersion', {}, call),
  ],
  ['https', 'iam.createToken: jwt', [], { method: 'service-account-key', keyFile }, token],
  ['https', 'wlif.exchange', [], { method: 'workload-identity', serviceAccountId: 'aje', tokenFile: keyFile }, token],
  ['http', 'metadata.token', [], metadata, token],
] as const)('over %s, where nothing else is said: %s', async (scheme, name, before, auth, ask) => {
  const { request, response } = example(name);
  sent.length = 0;
  answers.splice(0, answers.length, ...before.map((one) => example(one).response.body), response.body);
  const provider = yandex.schema.parse({ type: 'yandex', auth }).connect(someDeps({ token: aToken('t1.shown') }));
  await ask(provider);
  await provider.close();
  expect(request.host).toMatch(/^([a-z.]+\.yandex\.(net|cloud)|169\.254\.169\.254)$/);
  expect(sent.at(-1)?.origin).toBe(`${scheme}://${request.host}`);
  expect(sent.at(-1)?.method).toBe(request.method);
});
