/** An access token that somebody else has made: followed, shown, and renewed where that can do no harm. */
import { rmSync } from 'node:fs';
import { afterEach, describe, expect, it } from 'vitest';
import { steadyClock } from '../../src/clock.ts';
import { providers, sources } from '../../src/sources/index.ts';
import { aSandbox } from '../sandbox/infisical/builder.ts';
import type { Flavour, IdentitySpec } from '../sandbox/infisical/spec.ts';
import { aFile } from '../sandbox/machines/places.ts';
import { aJwt, someDeps } from './deps.ts';
import { outcomeOf } from './infisical-scripted.ts';

const signal = new AbortController().signal;
const call = { signal, sendBy: Number.POSITIVE_INFINITY };
const acquiring = { signal, key: 'k' };
const closing: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0)) await close();
});

async function given(spec: IdentitySpec = {}, flavour: Flavour = '2025') {
  const sandbox = await aSandbox().flavour(flavour).withIdentity(spec).withDynamicSecret({ name: 'orders-db' }).start();
  const file = aFile(`${sandbox.control.makeToken()}\n`);
  let passed = 0;
  const steady = steadyClock();
  const deps = someDeps({ clock: { now: () => steady.now() + passed } });
  const auth = { method: 'token', token: { file: file.path } };
  const provider = providers[0].schema.parse({ type: 'infisical', url: sandbox.url, auth }).connect(deps);
  closing.push(
    () => provider.close(),
    () => sandbox.close(),
    file.remove,
  );
  const source = provider.token?.source;
  if (!source) throw new Error('the provider keeps no token');
  const place = { provider: 'main', project: 'shop', environment: 'prod', name: 'orders-db' };
  return {
    sandbox,
    file,
    deps,
    source,
    dynamic: sources[1].schema.parse({ type: 'infisical/dynamic-secret', ...place }).open(provider),
    async taken() {
      const { lease, material } = await source.acquire(acquiring);
      return { lease, material, value: material.reveal('token') ?? '' };
    },
    pass(by: number) {
      passed += by;
      sandbox.control.skew(by);
    },
  };
}

const hour = 3_600_000;

describe('a token that is given', () => {
  it('is taken without a login, ends when it says so itself, and others make its successor', async () => {
    const { sandbox, taken, deps } = await given({ accessTokenTTL: 3_600 });
    const { lease, value } = await taken();
    expect(sandbox.control.acceptsToken(value)).toBe(true);
    expect(lease).toMatchObject({ followed: true, repeats: true });
    expect(Math.abs((lease.expiresAt ?? 0) - deps.clock.now() - hour)).toBeLessThan(2_000);
    expect(value).not.toContain(lease.id);
    expect(sandbox.books().logins).toEqual([]);
  });

  it('has no end where it says of none', async () => {
    const { taken } = await given({ accessTokenTTL: 0, accessTokenMaxTTL: 0 });
    expect((await taken()).lease).not.toHaveProperty('expiresAt');
  });

  it('opens a dynamic secret', async () => {
    const { taken, deps, dynamic } = await given();
    const { lease, material } = await taken();
    deps.give({ lease: lease.id, generation: 0, material });
    expect((await dynamic.acquire(acquiring)).material.keys()).toEqual(['DB_USERNAME', 'DB_PASSWORD']);
  });

  it('is outdated as soon as there is another in its file, and held while there is none', async () => {
    const { sandbox, file, source, taken } = await given();
    const { lease } = await taken();
    expect(await source.observe?.(lease, call)).toEqual({ is: 'held', lease });
    rmSync(file.path);
    expect(await source.observe?.(lease, call)).toEqual({ is: 'held', lease });
    expect(await outcomeOf(taken())).toBe('denied');
    const next = sandbox.control.makeToken();
    file.write(next);
    expect(await source.observe?.(lease, call)).toEqual({ is: 'outdated', lease });
    expect((await taken()).value).toBe(next);
  });

  it('that was rejected will do only after a while, and another at once', async () => {
    const { sandbox, file, source, taken, deps, dynamic, pass } = await given();
    const { lease, material, value } = await taken();
    deps.give({ lease: lease.id, generation: 0, material });
    const headers = { 'content-type': 'application/json' };
    const body = JSON.stringify({ accessToken: value });
    await fetch(`${sandbox.url}/api/v1/auth/token/revoke`, { method: 'POST', headers, body });
    expect(await outcomeOf(dynamic.acquire(acquiring))).toBe('TokenRejected');
    expect(deps.rejected).toEqual([{ lease: lease.id, generation: 0 }]);
    const before = await source.credential?.();
    expect(await outcomeOf(taken())).toBe('denied');
    file.write(sandbox.control.makeToken());
    expect(await source.credential?.()).not.toBe(before);
    expect((await taken()).value).not.toBe(value);
    file.write(value);
    expect(await outcomeOf(taken())).toBe('denied');
    pass(5 * 60_000);
    expect((await taken()).value).toBe(value);
  });

  it.each([
    ['is none', 'two words'],
    ['has expired', aJwt({ exp: 1_000_000 })],
  ])('that %s is a credential that is wrong', async (words, content) => {
    const { file, source } = await given();
    file.write(content);
    await expect(source.acquire(acquiring)).rejects.toMatchObject({
      code: 'denied',
      message: expect.stringContaining(words),
    });
  });
});

describe('the renewal of a token that is given', () => {
  it('is not to be had of a server of 2025: nobody knows the wall, behind which it would be deleted', async () => {
    const { taken } = await given({ accessTokenTTL: 3_600, accessTokenMaxTTL: 3_600 });
    expect((await taken()).lease).not.toHaveProperty('renewal');
  });

  it.each([
    ['under the wall that it tells of', { accessTokenTTL: 3_600, accessTokenMaxTTL: 86_400 }, 24 * hour],
    ['for ever where it is periodic', { accessTokenPeriod: 3_600 }, undefined],
    ['for ever where it has no wall', { accessTokenTTL: 3_600, accessTokenMaxTTL: 0 }, undefined],
  ])('is to be had of a server of 2026 %s', async (_, spec, wall) => {
    const { sandbox, source, taken, pass } = await given(spec, '2026');
    const { lease, material, value } = await taken();
    expect(lease.renewal).toEqual({ from: 'now', by: hour, atLeast: hour, canShorten: false });
    if (wall === undefined) expect(lease).not.toHaveProperty('maxExpiresAt');
    else expect(Math.abs((lease.maxExpiresAt ?? 0) - lease.issuedAt - wall)).toBeLessThan(2_000);
    pass(hour / 2);
    const renewed = await source.renew?.(lease, { ...call, material });
    expect(renewed?.lease).toMatchObject({ id: lease.id, followed: true });
    expect(Math.abs((renewed?.lease.expiresAt ?? 0) - source.clock.now() - hour)).toBeLessThan(3_000);
    // What lies in the file is still the one that was given.
    expect(renewed && (await source.observe?.(renewed.lease, call))).toMatchObject({ is: 'held' });
    pass(0.75 * hour);
    expect(sandbox.control.acceptsToken(value)).toBe(false);
    expect(sandbox.control.acceptsToken(renewed?.material?.reveal('token') ?? '')).toBe(true);
  });
});
