/** Static secrets that others change: noticed by their values, delivered whole, and asked for once by all who want them. */
import { randomBytes } from 'node:crypto';
import { afterEach, describe, expect, it } from 'vitest';
import type { LeaseError } from '../../src/core/failure.ts';
import { minutes, seconds } from '../../src/core/time.ts';
import type { Source } from '../../src/sources/source.ts';
import { aSandbox, type SandboxBuilder } from '../sandbox/infisical/builder.ts';
import { type ConnectedInfisical, connectedToInfisical, valuesOf } from './infisical-connected.ts';

const signal = new AbortController().signal;
const call = { signal, key: 'k' };

const app = aSandbox()
  .withProject({
    slug: 'shop',
    id: 'the-project',
    environments: ['prod', 'dev'],
    imports: [
      { into: { path: '/app' }, from: { path: '/shared' } },
      { into: { path: '/app' }, from: { path: '/later' } },
    ],
  })
  .withIdentity({ name: 'keeper' })
  .withIdentity({ name: 'partial', readable: ['DB_USER'] })
  .withIdentity({ name: 'outsider', access: {} })
  .withSecret({ path: '/app', key: 'DB_USER', value: 'app' })
  .withSecret({ path: '/app', key: 'DB_PASSWORD', value: 'correct-horse-1' })
  .withSecret({ path: '/app', key: 'URL', value: `db://\${DB_USER}@host` });

const open: ConnectedInfisical[] = [];
async function start(described: SandboxBuilder = app, markKey?: Buffer): Promise<ConnectedInfisical> {
  const at = await connectedToInfisical(described, markKey);
  open.push(at);
  return at;
}
afterEach(async () => {
  for (const at of open.splice(0)) {
    expect(at.sandbox.books().troubles).toEqual([]);
    await at.close();
  }
});

const inApp = { secretPath: '/app' };
const taken = async (source: Source) => valuesOf((await source.acquire(call)).material);
const change = (at: ConnectedInfisical, values: Record<string, string | null>) =>
  at.sandbox.control.changeSecrets(values, { path: '/app' });

describe('a folder', () => {
  it('is one lease without an end, dated by the server, and asked for once', async () => {
    const at = await start();
    const { lease, material } = await at.secrets(inApp).acquire(call);
    expect(valuesOf(material)).toEqual({ DB_PASSWORD: 'correct-horse-1', DB_USER: 'app', URL: 'db://app@host' });
    expect(lease).toEqual({
      id: expect.stringMatching(/^[\w-]{32}$/),
      issuedAt: expect.any(Number),
      followed: true,
      repeats: true,
    });
    expect(Math.abs(lease.issuedAt - at.sandbox.books().now)).toBeLessThan(minutes(1));
    expect(at.asked('static-secret-list')).toBe(1);
  });

  it.each(['2025', '2026'] as const)('is had by the id of its project too, of a server of %s', async (flavour) => {
    const at = await start(app.flavour(flavour));
    expect(await taken(at.secrets({ ...inApp, projectId: 'the-project' }))).toMatchObject({ DB_USER: 'app' });
    const paths = at.deps.requests.filter(({ operation }) => operation === 'secret-list');
    expect(paths.map(({ status }) => status)).toEqual(flavour === '2025' ? ['4xx', '2xx'] : ['2xx']);
  });

  it('has what it imports, of which its own secrets win and then the last import', async () => {
    const at = await start();
    for (const [path, value] of [
      ['/shared', 'first'],
      ['/later', 'last'],
    ] as const) {
      at.sandbox.control.changeSecrets({ DB_USER: value, BOTH: value, [`ONLY_${value}`]: value }, { path });
    }
    expect(await taken(at.secrets(inApp))).toEqual({
      BOTH: 'last',
      DB_PASSWORD: 'correct-horse-1',
      DB_USER: 'app',
      ONLY_first: 'first',
      ONLY_last: 'last',
      URL: 'db://app@host',
    });
    expect(Object.keys(await taken(at.secrets({ ...inApp, imports: false })))).toHaveLength(3);
  });

  it('has references as they are written where that is wanted', async () => {
    const at = await start();
    expect((await taken(at.secrets({ ...inApp, expandReferences: false })))['URL']).toBe(`db://\${DB_USER}@host`);
  });

  it('has what lies below it where that is wanted, and no key of two values', async () => {
    const at = await start();
    expect(Object.keys(await taken(at.secrets({ recursive: true, imports: false })))).toHaveLength(3);
    at.sandbox.control.changeSecrets({ DB_USER: 'app', DB_PASSWORD: 'another-horse' }, { path: '/app/deep' });
    const error = await refusal(at.secrets({ ...inApp, recursive: true }));
    expect(error).toMatch(
      /^invalid, passing: "DB_PASSWORD" is in \/app and in \/app\/deep, .* by secretPath, or .* names/,
    );
    expect(error).not.toContain('horse');
    expect(await taken(at.secrets({ ...inApp, recursive: true, names: ['DB_USER'] }))).toEqual({ DB_USER: 'app' });
  });
});

describe('a change', () => {
  it('is one of values: neither of order, nor of versions, nor of what was not asked for', async () => {
    const at = await start();
    const source = at.secrets({ ...inApp, names: ['DB_USER', 'DB_PASSWORD'] });
    const { lease } = await source.acquire(call);
    const held = { is: 'held', lease };
    const statuses = () => at.deps.requests.filter(({ operation }) => operation === 'secret-list').at(-1)?.status;
    expect(await source.observe?.(lease, call)).toEqual(held);
    // Nothing at all has changed: that is said in a word.
    expect(statuses()).toBe('3xx');
    for (const nothing of [
      () => at.sandbox.control.reorderSecrets(),
      () => change(at, { DB_USER: 'app', DB_PASSWORD: 'correct-horse-1' }),
      () => change(at, { NEW: 'new', URL: null }),
    ]) {
      nothing();
      expect(await source.observe?.(lease, call)).toEqual(held);
      expect(statuses()).toBe('2xx');
    }
    change(at, { DB_PASSWORD: 'correct-horse-2' });
    expect(await source.observe?.(lease, call)).toEqual({ is: 'outdated', lease });
  });

  it('brings another lease, and the same one where the values are the same again', async () => {
    const at = await start();
    const source = at.secrets(inApp);
    const first = await source.acquire(call);
    change(at, { DB_PASSWORD: 'correct-horse-2' });
    const second = await source.acquire({ ...call, predecessor: first.lease });
    expect(second.lease.id).not.toBe(first.lease.id);
    change(at, { DB_PASSWORD: 'correct-horse-1' });
    expect((await source.acquire({ ...call, predecessor: second.lease })).lease.id).toBe(first.lease.id);
  });

  it('is none by a restart, and by nobody else told from what its id is', async () => {
    const key = randomBytes(32);
    const [at, again, elsewhere] = [await start(app, key), await start(app, key), await start(app, randomBytes(32))];
    const ids = await Promise.all(
      [at, again, elsewhere].map(async (one) => (await one.secrets(inApp).acquire(call)).lease.id),
    );
    expect(ids[0]).toBe(ids[1]);
    expect(ids[0]).not.toBe(ids[2]);
  });

  it('is told by the move of a value from one key to another', async () => {
    const at = await start();
    const source = at.secrets(inApp);
    const { lease } = await source.acquire(call);
    change(at, { DB_USER: 'correct-horse-1', DB_PASSWORD: 'app' });
    expect(await source.observe?.(lease, call)).toMatchObject({ is: 'outdated' });
  });
});

const refusal = (source: Source): Promise<string> =>
  source.acquire({ ...call, signal: new AbortController().signal }).then(
    ({ material }) => `acquired ${material.keys()}`,
    ({ code, passing, unsure, message }: LeaseError) =>
      `${code}${passing ? ', passing' : ''}${unsure ? ', unsure' : ''}: ${message}`,
  );

describe('what is not believed', () => {
  it.each<[string, object, (at: ConnectedInfisical) => unknown, RegExp]>([
    ['an unknown environment', { environment: 'prd' }, () => undefined, /nothing in .*environment prd.*does not exist/],
    ['an unknown folder', { secretPath: '/ap' }, () => undefined, /nothing in .*path \/ap,.*allowEmpty: true/],
    ['an unknown project', { project: 'shpo' }, () => undefined, /not found in project shpo: correct it.*HTTP 404/],
    ['a project that we are not in', {}, (at) => at.become('outsider'), /not permitted; .*"readValue".*HTTP 403/],
    ['a value that we may not read', {}, (at) => at.become('partial'), /not permitted; .*"readValue".*HTTP 403/],
    [
      'a secret that is missing',
      { names: ['DB_USER', 'DB_PORT'] },
      () => undefined,
      /there is no "DB_PORT" in .*names/,
    ],
    [
      'a folder that was emptied',
      {},
      (at) => change(at, { DB_USER: null, DB_PASSWORD: null, URL: null }),
      /there is nothing in/,
    ],
  ])('%s is told of in words of its own, and what is held stays', async (_, options, wrong, words) => {
    const at = await start();
    const { lease } = await at.secrets(inApp).acquire(call);
    await wrong(at);
    at.pass(minutes(2));
    const source = at.secrets({ ...inApp, ...options });
    const error = await refusal(source);
    expect(error).toMatch(/^invalid, passing: /);
    expect(error).toMatch(words);
    expect(error).not.toContain('horse');
    at.pass(minutes(2));
    await expect(source.observe?.(lease, call)).rejects.toMatchObject({ code: 'invalid', passing: true });
  });

  it('an empty folder is right where that is meant, and a missing name still is not', async () => {
    const at = await start();
    expect(await taken(at.secrets({ secretPath: '/empty', allowEmpty: true }))).toEqual({});
    expect(await refusal(at.secrets({ ...inApp, allowEmpty: true, names: ['DB_PORT'] }))).toContain('"DB_PORT"');
  });
});

describe('many secrets of one folder', () => {
  it('ask once a poll, whoever looks when, and hear of a change at the same time', async () => {
    const at = await start();
    const sources = Array.from({ length: 500 }, (_, n) =>
      at.secrets({ ...inApp, names: [n % 2 ? 'DB_USER' : 'DB_PASSWORD'] }),
    );
    // Not all come at once: the last is there when the poll is nearly over.
    const leases = [];
    for (const [n, source] of sources.entries()) {
      leases.push((await source.acquire(call)).lease);
      if (n % 50 === 0) at.pass(seconds(5));
    }
    expect(at.asked('static-secret-list')).toBe(1);
    for (let poll = 2; poll <= 4; poll += 1) {
      const wait = Math.max(...sources.map((source) => source.observeEvery?.(undefined) ?? 0));
      at.pass(wait);
      if (poll === 4) change(at, { DB_USER: 'other' });
      const seen = [];
      for (const [n, source] of sources.entries()) {
        // A look comes late at times.
        if (n % 100 === 0) at.pass(seconds(3));
        const lease = leases[n];
        if (lease) seen.push((await source.observe?.(lease, call))?.is);
      }
      expect(at.asked('static-secret-list')).toBe(poll);
      const outdated = seen.filter((is) => is === 'outdated');
      expect(outdated).toHaveLength(poll === 4 ? 250 : 0);
    }
    // What they were told of is what they take.
    expect(await taken(sources[1] as Source)).toEqual({ DB_USER: 'other' });
    expect(at.asked('static-secret-list')).toBe(4);
  });

  it('ask anew as soon as one of them does not believe it', async () => {
    const at = await start();
    const [one, other] = [at.secrets(inApp), at.secrets(inApp)];
    const { lease } = await one.acquire(call);
    await other.acquire(call);
    expect(at.asked('static-secret-list')).toBe(1);
    change(at, { DB_USER: 'other' });
    expect(await one.observe?.(lease, call)).toMatchObject({ is: 'outdated' });
    expect(await other.observe?.(lease, call)).toMatchObject({ is: 'outdated' });
    expect(at.asked('static-secret-list')).toBe(2);
  });

  it('do not share what is listed in another way', async () => {
    const at = await start();
    for (const options of [{}, { imports: false }, { recursive: true }, { expandReferences: false }, inApp]) {
      await at.secrets({ ...inApp, ...options }).acquire(call);
    }
    expect(at.asked('static-secret-list')).toBe(4);
  });

  it('fail together: as often as one of them would', async () => {
    const at = await start();
    await at.become('partial');
    const sources = Array.from({ length: 100 }, () => at.secrets(inApp));
    for (const wait of [0, 1, 2, 4, 8]) {
      at.pass(seconds(wait));
      const errors = await Promise.all(sources.map((source) => refusal(source)));
      expect(new Set(errors).size).toBe(1);
    }
    expect(at.asked('static-secret-list')).toBe(5);
    await at.become('keeper');
    at.pass(seconds(16));
    expect(await taken(sources[0] as Source)).toMatchObject({ DB_USER: 'app' });
  });
});
