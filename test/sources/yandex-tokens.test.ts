/** The ways to an IAM token, each against the sandbox, which checks every signature and claim. */
import { mkdtempSync, rmSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { hours, minutes } from '../../src/core/time.ts';
import type { Source } from '../../src/sources/source.ts';
import { seen } from '../sandbox/yandex-asking.ts';
import { outcomeOf } from './infisical-scripted.ts';
import { serve } from './servers.ts';
import {
  anAcquire,
  type Connected,
  call,
  connections,
  given,
  keyFileIn,
  lockboxOf,
  tokenOf,
  withTwo,
} from './yandex-connected.ts';

const start = connections();
let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'lk-yandex-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

const byKey = async (at: Connected, change?: (file: object) => unknown) =>
  at.connect({ method: 'service-account-key', keyFile: await keyFileIn(folder, at.sandbox, change) });

async function byWorkload(at: Connected) {
  const tokenFile = join(folder, `subject-${crypto.randomUUID()}`);
  const project = () => writeFile(tokenFile, `${at.sandbox.account.subjectToken()}\n`);
  await project();
  const auth = { method: 'workload-identity', serviceAccountId: at.sandbox.account.id, tokenFile };
  return { provider: at.connect(auth), project, tokenFile };
}

const taken = async (source: Source) => {
  const { lease, material } = await source.acquire(anAcquire());
  return { lease, value: material.reveal('token') ?? '' };
};

const twelveHours = hours(12);

describe.each(['service-account-key', 'metadata', 'workload-identity'])('by %s', (method) => {
  const sourceAt = async (at: Connected): Promise<Source> => {
    if (method === 'metadata') return tokenOf(at.connect({ method }));
    return tokenOf(method === 'workload-identity' ? (await byWorkload(at)).provider : await byKey(at));
  };

  it('a token is had that opens a secret, and lives for as long as it is said to', async () => {
    const at = await start(withTwo.with({ skew: -minutes(20) }));
    const { lease, value } = await taken(await sourceAt(at));
    expect(await seen(at.sandbox, value)).toBe('200');
    const life = (lease.expiresAt ?? 0) - at.sandbox.books().now;
    expect(Math.abs(life - twelveHours)).toBeLessThan(3_000);
    expect(lease).toMatchObject({ repeats: true });
    expect(lease).not.toHaveProperty('renewal');
    expect(lease).not.toHaveProperty('followed');
    expect(value).not.toContain(lease.id);
  });

  it('the same token again is the same lease, and ends no later than it did', async () => {
    const at = await start(withTwo.with({ sameTokenFor: minutes(30) }));
    const source = await sourceAt(at);
    const first = await taken(source);
    at.pass(minutes(10));
    const { lease } = await source.acquire({ ...anAcquire(), predecessor: first.lease });
    expect({ ...lease, expiresAt: 0 }).toEqual({ ...first.lease, expiresAt: 0 });
    // Told in whole seconds from two moments.
    const lost = (first.lease.expiresAt ?? 0) - (lease.expiresAt ?? 0);
    expect(lost).toBeGreaterThanOrEqual(0);
    expect(lost).toBeLessThan(2_000);
    at.pass(minutes(30));
    const next = await source.acquire({ ...anAcquire(), predecessor: lease });
    expect(next.lease.id).not.toBe(lease.id);
  });
});

describe('an authorized key', () => {
  it.each([
    ['as the console writes it', undefined],
    ['with what other programs add to it', (file: object) => ({ ...file, output_to_lockbox: [{ entry: 'key' }] })],
    [
      'in camel case and without the line that warns',
      (file: object) => {
        const key = file as Record<string, string>;
        return {
          id: key['id'],
          serviceAccountId: key['service_account_id'],
          privateKey: key['private_key']?.replace(/^PLEASE.*\n/, ''),
        };
      },
    ],
  ])('is taken %s', async (_, change) => {
    const at = await start(withTwo);
    const { value } = await taken(tokenOf(await byKey(at, change)));
    expect(await seen(at.sandbox, value)).toBe('200');
  });

  it.each([
    ['is no JSON', () => 'hunter2'],
    ['has no id', ({ id: _, ...rest }: { id?: string }) => rest],
    ['has no key', (file: object) => ({ ...file, private_key: 'hunter2' })],
    ['is a list', () => ['hunter2']],
  ])('that %s is a credential that is wrong, and nothing of it is told', async (_, change) => {
    const at = await start(withTwo);
    const error = await tokenOf(await byKey(at, change as (file: object) => unknown))
      .acquire(anAcquire())
      .catch((reason: unknown) => reason);
    expect(error).toMatchObject({ code: 'denied', unsure: false });
    expect(String(error)).toMatch(/key-.*\.json/);
    expect(String(error)).not.toContain('hunter2');
    expect(at.counts()).toEqual({});
  });

  it('that is not there is a credential that is wrong', async () => {
    const at = await start(withTwo);
    const provider = at.connect({ method: 'service-account-key', keyFile: join(folder, 'none.json') });
    await expect(tokenOf(provider).acquire(anAcquire())).rejects.toMatchObject({
      code: 'denied',
      message: expect.stringContaining('ENOENT'),
    });
  });

  it('is read again at each exchange, and fingerprinted', async () => {
    const at = await start(withTwo.with({ sameTokenFor: 0 }));
    const keyFile = await keyFileIn(folder, at.sandbox);
    const source = tokenOf(at.connect({ method: 'service-account-key', keyFile }));
    await taken(source);
    const before = await source.credential?.();
    at.sandbox.control.revokeKeys();
    expect(await outcomeOf(source.acquire(anAcquire()))).toBe('denied');
    await writeFile(keyFile, JSON.stringify(at.sandbox.control.addKey()));
    expect(await source.credential?.()).not.toBe(before);
    await taken(source);
  });

  it('is made out to what the configuration says, wherever it is sent', async () => {
    const jwtAudience = 'https://iam.example.test/iam/v1/tokens';
    const at = await start(withTwo.with({ jwtAudience }));
    const keyFile = await keyFileIn(folder, at.sandbox);
    const auth = { method: 'service-account-key', keyFile };
    expect(await outcomeOf(tokenOf(at.connect(auth)).acquire(anAcquire()))).toBe('denied');
    await taken(tokenOf(at.connect({ ...auth, audience: jwtAudience })));
  });

  it('is exchanged although a clock is wrong by hours, once its server has said what time it is', async () => {
    const at = await start(withTwo.with({ skew: -hours(5) }));
    const provider = await byKey(at);
    expect(await outcomeOf(tokenOf(provider).acquire(anAcquire()))).toBe('denied');
    await taken(tokenOf(provider));
    const told = await byKey(at);
    await told.learnTime?.(call.signal);
    expect(tokenOf(told).knowsTime?.()).toBe(true);
    await taken(tokenOf(told));
  });
});

describe('the metadata service', () => {
  it('is asked through no proxy', async () => {
    const proxy = await serve((_, response) => response.writeHead(500).end());
    const at = await start(withTwo);
    at.env['HTTP_PROXY'] = proxy.url;
    // This machine as well, but not by a name at which no proxy would be asked anyway.
    at.env['YC_METADATA_ADDR'] = at.sandbox.metadataAddress.replace('127.0.0.1', '0.0.0.0');
    await taken(tokenOf(at.connect({ method: 'metadata' })));
    expect(proxy.count()).toBe(0);
    await proxy.close();
  });

  it('says what time it is by whatever it answers: nothing stands before it', async () => {
    const metadata = await serve((_, response) => {
      const date = new Date(Date.now() - hours(5)).toUTCString();
      response.writeHead(200, { 'content-type': 'application/text', date }).end('attributes/\nid\n');
    });
    const at = await start(withTwo);
    at.env['YC_METADATA_ADDR'] = new URL(metadata.url).host;
    const provider = at.connect({ method: 'metadata' });
    await provider.learnTime?.(call.signal);
    const { clock, knowsTime } = tokenOf(provider);
    expect(knowsTime?.()).toBe(true);
    expect(Math.abs(clock.now() + hours(5) - Date.now())).toBeLessThan(hours(1));
    await metadata.close();
  });

  it('of a machine without a service account is a mistake of whoever set it up', async () => {
    const at = await start(withTwo.with({ attached: null }));
    await expect(tokenOf(at.connect({ method: 'metadata' })).acquire(anAcquire())).rejects.toMatchObject({
      code: 'invalid',
      message: expect.stringContaining('no service account is attached'),
    });
  });

  it.each(['user:hunter2@host', 'host/path', 'a b'])('cannot be at %s', async (address) => {
    const at = await start(withTwo);
    at.env['YC_METADATA_ADDR'] = address;
    expect(() => at.connect({ method: 'metadata' })).toThrow(/^the environment variable YC_METADATA_ADDR is not/);
  });
});

describe("a workload's token", () => {
  it('is read again at each exchange, since the kubelet replaces it', async () => {
    const at = await start(withTwo.with({ sameTokenFor: 0 }));
    const { provider, project } = await byWorkload(at);
    const source = tokenOf(provider);
    const before = await source.credential?.();
    await taken(source);
    at.pass(hours(2));
    expect(await outcomeOf(source.acquire(anAcquire()))).toBe('denied');
    await project();
    expect(await source.credential?.()).not.toBe(before);
    await taken(source);
  });

  it('of another service account is rejected', async () => {
    const at = await start(withTwo);
    const { tokenFile } = await byWorkload(at);
    const provider = at.connect({ method: 'workload-identity', serviceAccountId: 'ajeother', tokenFile });
    expect(await outcomeOf(tokenOf(provider).acquire(anAcquire()))).toBe('denied');
  });
});

describe('a token that is given', () => {
  const fromFile = async (at: Connected, value: string) => {
    const file = join(folder, `token-${crypto.randomUUID()}`);
    const write = (next: string) => writeFile(file, `${next}\n`);
    await write(value);
    const provider = at.connect({ method: 'token', token: { file } });
    return { provider, source: tokenOf(provider), write, file };
  };

  it('has no end that anybody told us, and others make its successor', async () => {
    const at = await start(withTwo);
    const { source } = await fromFile(at, 't1.one');
    const { lease, value } = await taken(source);
    expect(value).toBe('t1.one');
    expect(lease).toMatchObject({ followed: true, repeats: true });
    expect(lease).not.toHaveProperty('expiresAt');
  });

  it('is outdated as soon as there is another in its file, and held while there is none', async () => {
    const at = await start(withTwo);
    const { source, write, file } = await fromFile(at, 't1.one');
    const { lease } = await taken(source);
    expect(await source.observe?.(lease, call)).toEqual({ is: 'held', lease });
    rmSync(file);
    expect(await source.observe?.(lease, call)).toEqual({ is: 'held', lease });
    await write('t1.two');
    expect(await source.observe?.(lease, call)).toEqual({ is: 'outdated', lease });
    expect((await taken(source)).value).toBe('t1.two');
  });

  it('may be in a variable', async () => {
    const at = await start(withTwo);
    expect((await taken(tokenOf(at.connect(given)))).value).toBe('t1.given.token');
  });

  it('that was rejected will do only after a while, and another at once', async () => {
    const at = await start(withTwo);
    const { provider, source, write } = await fromFile(at, 't1.dead');
    const { lease, value } = await taken(source);
    const { material } = await source.acquire(anAcquire());
    at.deps.give({ lease: lease.id, generation: 0, material });
    const secret = lockboxOf(provider, { secretId: 'e6qdb' });
    expect(await outcomeOf(secret.acquire(anAcquire()))).toBe('TokenRejected');
    expect(at.deps.rejected).toEqual([{ lease: lease.id, generation: 0 }]);
    const before = await source.credential?.();
    expect(await outcomeOf(source.acquire(anAcquire()))).toBe('denied');
    await write(at.sandbox.account.token().value);
    expect(await source.credential?.()).not.toBe(before);
    expect((await taken(source)).value).not.toBe(value);
    await write(value);
    expect(await outcomeOf(source.acquire(anAcquire()))).toBe('denied');
    at.pass(minutes(5));
    expect((await taken(source)).value).toBe(value);
  });

  it('that is none is a credential that is wrong', async () => {
    const at = await start(withTwo);
    const { source } = await fromFile(at, 'two words');
    expect(await outcomeOf(source.acquire(anAcquire()))).toBe('denied');
  });
});
