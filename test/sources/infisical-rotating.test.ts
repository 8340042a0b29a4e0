/** A static secret of which we make the values: changed once for each intent, never over others' heads, and put back where it fails. */
import { randomBytes } from 'node:crypto';
import { afterEach, describe, expect, it } from 'vitest';
import type { LeaseError } from '../../src/core/failure.ts';
import type { Lease } from '../../src/core/lease.ts';
import { Material } from '../../src/core/material.ts';
import { hours } from '../../src/core/time.ts';
import type { AcquireCall, RevokeCall, Source } from '../../src/sources/source.ts';
import { aSandbox, type SandboxBuilder } from '../sandbox/infisical/builder.ts';
import { type ConnectedInfisical, connectedToInfisical, valuesOf } from './infisical-connected.ts';

const app = aSandbox()
  .withProject({
    slug: 'shop',
    id: 'the-project',
    environments: ['prod'],
    imports: [{ into: { path: '/' }, from: { path: '/shared' } }],
  })
  .withIdentity({ name: 'keeper' })
  .withIdentity({ name: 'viewer', access: { shop: 'viewer' } })
  .withSecret({ key: 'DB_USER', value: 'app' })
  .withSecret({ key: 'DB_PASSWORD', value: 'the-first-password' })
  .withSecret({ key: 'REFERENCE', value: `\${DB_USER}` })
  .withSecret({ key: 'ROTATED', value: 'by-infisical', rotation: 'a-rotation' })
  .withSecret({ path: '/shared', key: 'IMPORTED', value: 'from-elsewhere' });

const open: ConnectedInfisical[] = [];
async function start(described: SandboxBuilder = app, markKey: Buffer = randomBytes(32)) {
  const at = await connectedToInfisical(described, markKey);
  open.push(at);
  const { control } = at.sandbox;
  return {
    ...at,
    control,
    patches: () => at.asked('static-secret-update'),
    /** As it is stored. */
    stored: () => control.secretsIn()['DB_PASSWORD'],
    source: (options: object = {}) => at.secrets({ generate: { by: 'leasekeeper', key: 'DB_PASSWORD', ...options } }),
    /** A process after this one. */
    restarted: async () => {
      const again = await connectedToInfisical(aSandbox(), markKey);
      open.push(again);
      return again;
    },
  };
}
afterEach(async () => {
  for (const at of open.splice(0)) {
    expect(at.sandbox.books().troubles).toEqual([]);
    await at.close();
  }
});

let keys = 0;
const take = (source: Source, more: Partial<AcquireCall> = {}) =>
  source.acquire({ signal: new AbortController().signal, key: `intent ${++keys}`, ...more });
const end = (source: Source, lease: Lease, more: Partial<RevokeCall> = {}) =>
  source.revoke?.(lease, { signal: new AbortController().signal, ...more });
const look = (source: Source, lease: Lease) => source.observe?.(lease, { signal: new AbortController().signal });
const told = (call: Promise<unknown> | undefined): Promise<string> =>
  Promise.resolve(call).then(
    () => 'done',
    ({ code, passing, unsure, pending, message }: LeaseError) =>
      [code, passing && 'passing', pending && 'pending', unsure && !pending && 'unsure'].filter(Boolean).join(' ') +
      `: ${message}`,
  );

describe('a rotation', () => {
  it('takes what is there at first, and makes a successor of it', async () => {
    const { source: aSource, stored, patches, control } = await start();
    const source = aSource({ length: 40, classes: ['digits'], exclude: '0' });
    const first = await take(source);
    expect(valuesOf(first.material)).toMatchObject({ DB_USER: 'app', DB_PASSWORD: 'the-first-password' });
    expect(first.lease).not.toHaveProperty('followed');
    expect(patches()).toBe(0);
    const second = await take(source, { predecessor: first.lease });
    expect(second.material.reveal('DB_PASSWORD')).toMatch(/^[1-9]{40}$/);
    expect(stored()).toBe(second.material.reveal('DB_PASSWORD'));
    expect(second.lease.id).not.toBe(first.lease.id);
    expect(await look(source, second.lease)).toEqual({ is: 'held', lease: second.lease });
    expect(await look(source, first.lease)).toMatchObject({ is: 'outdated' });
    // Of what nobody uses any more nothing is left that could be ended.
    expect(await end(source, first.lease)).toBe('ended');
    expect([patches(), control.valuesOf('DB_PASSWORD').length]).toEqual([1, 2]);
  });

  it.each(['2025', '2026'] as const)('is done by the id of the project as well, at a server of %s', async (flavour) => {
    const at = await start(app.flavour(flavour));
    const generate = { by: 'leasekeeper', key: 'DB_PASSWORD' };
    const source = at.secrets({ projectId: 'the-project', generate });
    const { lease } = await take(source);
    const { material } = await take(source, { predecessor: lease });
    expect(at.stored()).toBe(material.reveal('DB_PASSWORD'));
  });

  it('does nothing over the heads of others: what they have put there is taken', async () => {
    const { source: aSource, control, patches } = await start();
    const source = aSource();
    const { lease } = await take(source);
    control.changeSecrets({ DB_PASSWORD: 'of-others' });
    const { material } = await take(source, { predecessor: lease });
    expect(material.reveal('DB_PASSWORD')).toBe('of-others');
    expect(patches()).toBe(0);
  });

  it.each([
    ['before it was done', false],
    ['after it was done', true],
  ])('that was cut off %s is made good by the next try, which makes the same', async (_, isDone) => {
    const { source: aSource, control, stored, patches } = await start();
    const source = aSource();
    const { lease } = await take(source);
    control.fault({ kind: 'cut', work: isDone, on: 'static-secret-update', times: 1 });
    const intent = { key: 'one intent', predecessor: lease };
    expect(await told(take(source, intent))).toMatch(/^unavailable unsure/);
    const between = stored();
    const { material, lease: next } = await take(source, intent);
    expect(control.valuesOf('DB_PASSWORD')).toHaveLength(2);
    if (isDone) expect(material.reveal('DB_PASSWORD')).toBe(between);
    expect(patches()).toBe(isDone ? 1 : 2);
    // Whoever made it, it was us.
    expect(next.id).toMatch(/\.ours$/);
  });

  it('that was done, and could not be looked at, is found by the next try', async () => {
    const { source: aSource, control, stored } = await start();
    const source = aSource();
    const { lease } = await take(source);
    const intent = { key: 'one intent', predecessor: lease };
    // The first two lists are asked for before the change.
    control.fault({ kind: 'fail', status: 500, on: 'static-secret-list', after: 2, times: 1 });
    expect(await told(take(source, intent))).toMatch(/^unavailable unsure/);
    expect(stored()).not.toBe('the-first-password');
    const { material } = await take(source, intent);
    expect(material.reveal('DB_PASSWORD')).toBe(stored());
    expect(control.valuesOf('DB_PASSWORD')).toHaveLength(2);
  });

  it('makes another value for another intent, another place, and another key of ours', async () => {
    const key = randomBytes(32);
    const made = async (markKey: Buffer, intent: string, secretPath = '/') => {
      const at = await start(app.withSecret({ path: '/deep', key: 'DB_PASSWORD', value: 'x' }), markKey);
      const source = at.secrets({ secretPath, generate: { by: 'leasekeeper', key: 'DB_PASSWORD' } });
      const { lease } = await take(source);
      return (await take(source, { key: intent, predecessor: lease })).material.reveal('DB_PASSWORD');
    };
    const all = [
      await made(key, 'a'),
      await made(key, 'b'),
      await made(key, 'a', '/deep'),
      await made(randomBytes(32), 'a'),
    ];
    expect(new Set(all).size).toBe(4);
    expect(await made(key, 'a')).toBe(all[0]);
  });

  it('is never a reference to another secret', async () => {
    const { source: aSource, stored } = await start();
    const exclude = '"#%&\'()*+,-./:;<=>?@[\\]^_`|}~';
    const source = aSource({ classes: ['punctuation'], exclude, length: 24 });
    let { lease } = await take(source);
    for (let n = 0; n < 30; n += 1) {
      ({ lease } = await take(source, { predecessor: lease }));
      expect(stored()).toMatch(/^[!${]{24}$/);
      expect(stored()).not.toContain('${');
    }
  });

  it('is refused where the rules leave nothing but what is there', async () => {
    const { source: aSource, patches, control } = await start();
    control.changeSecrets({ DB_PASSWORD: '11111111' });
    const source = aSource({ classes: ['digits'], exclude: '023456789', length: 8 });
    const { lease } = await take(source);
    expect(await told(take(source, { predecessor: lease }))).toMatch(
      /^invalid passing: .* because the rules allow no other/,
    );
    expect(patches()).toBe(0);
  });

  it.each([
    ['REFERENCE', /is a reference to another secret.*rotate the one it refers to/],
    ['ROTATED', /is rotated by Infisical itself: remove generate/],
    ['IMPORTED', /is imported from elsewhere: it can only be rotated where it lies/],
  ])('of %s is refused with its reason, and nothing is changed', async (key, words) => {
    const { source: aSource, patches, control } = await start();
    const source = aSource({ key });
    const { lease } = await take(source);
    const before = control.secretsIn();
    expect(await told(take(source, { predecessor: lease }))).toMatch(/^invalid passing: /);
    expect(await told(take(source, { predecessor: lease }))).toMatch(words);
    expect([patches(), control.secretsIn()]).toEqual([0, before]);
  });

  it('of what is not there, or not ours to change, is refused', async () => {
    const at = await start();
    expect(await told(take(at.source({ key: 'NONE' })))).toMatch(/^invalid passing: there is no NONE in .*: make it/);
    const source = at.source();
    const { lease } = await take(source);
    await at.become('viewer');
    // What others change in the folder meanwhile is followed by the same act: it does not wait as for a configuration.
    expect(await told(take(source, { predecessor: lease }))).toMatch(/^invalid passing: .*permission "edit"/);
    expect(at.stored()).toBe('the-first-password');
  });

  it('counts from when the value was made, though other secrets of the folder change since', async () => {
    const at = await start();
    const source = at.source();
    const first = await take(source);
    const second = await take(source, { predecessor: first.lease });
    at.pass(hours(1));
    at.control.changeSecrets({ DB_USER: 'other' });
    const third = await take(source, { predecessor: second.lease });
    expect(third.material.reveal('DB_PASSWORD')).toBe(second.material.reveal('DB_PASSWORD'));
    expect(third.lease.unrotatedSince).toBe(second.lease.issuedAt);
    // What we made is ours still.
    expect(third.lease.id).toMatch(/\.ours$/);
    at.control.changeSecrets({ DB_USER: 'another' });
    const fourth = await take(source, { predecessor: third.lease });
    expect(fourth.lease.unrotatedSince).toBe(second.lease.issuedAt);
    const fifth = await take(source, { predecessor: fourth.lease });
    expect(fifth.lease).not.toHaveProperty('unrotatedSince');
    expect(at.patches()).toBe(2);
  });
});

describe('where others have to approve of a change', () => {
  it('it is said that they have to, and taken when they have', async () => {
    const at = await start();
    const source = at.source();
    const { lease } = await take(source);
    at.control.requireApproval(true);
    const intent = { key: 'one intent', predecessor: lease };
    expect(await told(take(source, intent))).toMatch(
      /^invalid passing pending: changing DB_PASSWORD in .* waits for somebody's approval .*: nothing has changed yet/,
    );
    expect([at.patches(), at.stored()]).toEqual([1, 'the-first-password']);
    expect(await look(source, lease)).toMatchObject({ is: 'held' });
    expect(at.control.decideApprovals(true)).toBe(1);
    expect(await look(source, lease)).toMatchObject({ is: 'outdated' });
    const { material, lease: next } = await take(source, intent);
    expect(material.reveal('DB_PASSWORD')).toBe(at.stored());
    expect(at.stored()).not.toBe('the-first-password');
    expect(next.id).toMatch(/\.ours$/);
    expect(at.patches()).toBe(1);
  });
});

describe('a value that has failed its proofs', () => {
  async function failed(options: { readonly former?: string; readonly more?: object } = {}) {
    const at = await start();
    const source = at.source();
    if (options.former !== undefined) at.control.changeSecrets({ DB_PASSWORD: options.former });
    const good = await take(source);
    const bad = await take(source, { predecessor: good.lease });
    const rejection = { isUnproven: true, instead: good.lease, insteadMaterial: good.material } as const;
    return { ...at, aSource: source, good, bad, rejection };
  }

  it('is replaced by what is in use, for everybody, and by another one later', async () => {
    const { aSource, good, bad, rejection, stored, control } = await failed();
    expect(await end(aSource, bad.lease, rejection)).toBe('ended');
    expect(stored()).toBe('the-first-password');
    expect(await look(aSource, good.lease)).toMatchObject({ is: 'held' });
    expect(await end(aSource, bad.lease, rejection)).toBe('ended');
    const next = await take(aSource, { predecessor: good.lease, rejected: [bad.lease.id] });
    expect(control.valuesOf('DB_PASSWORD')).toEqual([
      'the-first-password',
      bad.material.reveal('DB_PASSWORD'),
      'the-first-password',
      next.material.reveal('DB_PASSWORD'),
    ]);
  });

  it('is not had again, whatever else has changed in the folder, where it could not be put back', async () => {
    const { aSource, good, bad, control } = await failed();
    control.changeSecrets({ DB_USER: 'other' });
    const next = await take(aSource, { predecessor: good.lease, rejected: [bad.lease.id] });
    expect(next.material.reveal('DB_PASSWORD')).not.toBe(bad.material.reveal('DB_PASSWORD'));
  });

  it('is put back also where something else of the folder has changed meanwhile', async () => {
    const { aSource, bad, rejection, control } = await failed();
    control.changeSecrets({ DB_USER: 'other' });
    expect(await end(aSource, bad.lease, rejection)).toBe('ended');
    expect(control.secretsIn()).toMatchObject({ DB_USER: 'other', DB_PASSWORD: 'the-first-password' });
  });

  it('is not taken for ours where it works, and others have changed the rest of the folder', async () => {
    const { source: aSource, control, patches, stored } = await start();
    const source = aSource();
    const good = await take(source, { predecessor: (await take(source)).lease });
    control.changeSecrets({ DB_USER: 'wrong' });
    const bad = await take(source, { predecessor: good.lease });
    const rejection = { isUnproven: true, instead: good.lease, insteadMaterial: good.material } as const;
    expect(await end(source, bad.lease, rejection)).toBe('ended');
    control.changeSecrets({ DB_USER: 'wrong again' });
    await take(source, { predecessor: good.lease, rejected: [bad.lease.id] });
    expect([patches(), stored()]).toEqual([1, good.material.reveal('DB_PASSWORD')]);
  });

  it('is left to who has it where nothing is used in its place', async () => {
    const { aSource, bad, patches } = await failed();
    expect(await end(aSource, bad.lease, { isUnproven: true })).toBe('ended');
    expect(patches()).toBe(1);
  });

  it('is left alone where others have made it, or have replaced it', async () => {
    const { aSource, bad, rejection, control, patches } = await failed();
    control.changeSecrets({ DB_PASSWORD: 'of-others' });
    expect(await end(aSource, bad.lease, rejection)).toBe('ended');
    const theirs = await take(aSource, { predecessor: bad.lease });
    expect(await end(aSource, theirs.lease, rejection)).toBe('ended');
    expect([patches(), control.secretsIn()['DB_PASSWORD']]).toEqual([1, 'of-others']);
  });

  it('calls for a person where its former value is not at hand, or would come out as another', async () => {
    const { aSource, bad, rejection, patches } = await failed();
    const { insteadMaterial: _, ...without } = rejection;
    expect(await told(end(aSource, bad.lease, without))).toMatch(
      /^invalid passing: .*not at hand, give it another one/,
    );
    const insteadMaterial = new Material({ DB_PASSWORD: ' padded ' });
    expect(await told(end(aSource, bad.lease, { ...rejection, insteadMaterial }))).toMatch(/takes whitespace away/);
    expect(patches()).toBe(1);
  });

  it('is put back when others approve of it, and that is asked for once', async () => {
    const { aSource, bad, rejection, control, patches, stored } = await failed();
    control.requireApproval(true);
    expect(await told(end(aSource, bad.lease, rejection))).toMatch(/^invalid passing pending: .*put back waits for/);
    // Also by a process that has no values any more.
    const { insteadMaterial: _, ...asked } = { ...rejection, isAsked: true } as const;
    for (let n = 0; n < 2; n += 1) {
      expect(await told(end(aSource, bad.lease, asked))).toMatch(/^invalid passing: .*put back waits for/);
    }
    expect(patches()).toBe(2);
    control.decideApprovals(true);
    expect(await end(aSource, bad.lease, asked)).toBe('ended');
    expect(stored()).toBe('the-first-password');
  });
});

describe('values that were lost', () => {
  it('are read again as long as they are there, and are gone when there are others', async () => {
    const { source: aSource, control } = await start();
    const source = aSource();
    const { lease } = await take(source);
    const signal = new AbortController().signal;
    expect((await source.read?.(lease, { signal }))?.reveal('DB_PASSWORD')).toBe('the-first-password');
    control.changeSecrets({ DB_PASSWORD: 'of-others' });
    await expect(source.read?.(lease, { signal })).rejects.toMatchObject({ code: 'gone' });
  });
});
