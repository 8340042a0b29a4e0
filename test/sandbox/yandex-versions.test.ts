/** Adding versions and making them current, with everything that goes wrong there without a word. */
import { describe, expect, test } from 'vitest';
import { aLockbox } from './yandex/builder.ts';
import { makePassword } from './yandex/passwords.ts';
import { keeperAt, lockboxes, withDb } from './yandex-asking.ts';

const { start, keeper } = lockboxes();
const add = 'addVersion';
const spec = { passwordKey: 'password', length: 20, includePunctuation: false };
const withGenerated = aLockbox().withSecret({ name: 'made', generated: spec });
const password = (textValue: string) => ({ payloadEntries: [{ key: 'password', textValue }] });

describe('a version that is added', () => {
  test('inherits what is not named, loses what is named alone or empty, and becomes current', async () => {
    const entries = { user: 'a', alone: 'b', empty: 'c', bytes: { binary: 'AAEC/w==' } };
    const at = await keeper(aLockbox().withSecret({ name: 'db', entries }));
    const payloadEntries = [
      { key: 'alone' },
      { key: 'empty', textValue: '' },
      { key: 'bytes', binaryValue: '' },
      { key: 'more', binaryValue: '/wA=' },
    ];
    const { metadata } = await at.order(add, { payloadEntries });
    expect((await at.current())?.id).toBe(metadata.versionId);
    expect(await at.payload()).toEqual({ user: 'a', more: '/wA=' });
  });

  test('is based on the current one unless another is named, whoever made it current meanwhile', async () => {
    const at = await keeper(withDb);
    const first = at.at.secret().current() ?? '';
    at.at.control.addVersion({ password: 'theirs', extra: 'x' });
    await at.order(add, { payloadEntries: [{ key: 'username', textValue: 'me' }] });
    expect(await at.payload()).toEqual({ username: 'me', password: 'theirs', extra: 'x' });
    await at.order(add, { payloadEntries: [{ key: 'username', textValue: 'me' }], baseVersionId: first });
    expect(await at.payload()).toEqual({ username: 'me', password: 'pw-1' });
  });

  test('without entries is a copy of its base under another id', async () => {
    const at = await keeper(withDb);
    const first = at.at.secret().current() ?? '';
    await at.order(add, password('pw-2'));
    const { metadata } = await at.order(add, { baseVersionId: first });
    expect(metadata.versionId).not.toBe(first);
    expect(await at.payload()).toEqual({ username: 'app', password: 'pw-1' });
  });

  test('without entries is made by the server where the secret says how, also where a base is named', async () => {
    const at = await keeper(withGenerated);
    const first = await at.payload();
    const base = at.at.secret().current();
    const { response } = await at.order(add);
    const second = await at.payload();
    await at.order(add, { baseVersionId: base });
    const third = await at.payload();
    expect(new Set([first, second, third].map(({ password }) => password)).size).toBe(3);
    expect(second).toEqual({ password: expect.stringMatching(/^[A-Za-z0-9]{20}$/) });
    expect(response).toMatchObject({ passwordPayloadSpecification: { passwordKey: 'password', length: '20' } });
    expect(at.at.books().versions.map(({ generated }) => generated)).toEqual([true, true, true]);
  });

  test.each([
    [{}, [/[A-Z]/, /[a-z]/, /[0-9]/, /[!-/:-@[-`{-~]/]],
    [{ includeUppercase: false, includedPunctuation: '!?' }, [/[a-z]/, /[0-9]/, /[!?]/]],
    [{ includeLowercase: false, includeDigits: false, excludedPunctuation: '!?' }, [/[A-Z]/, /[^A-Z!?]/]],
    [{ includeLowercase: false, includePunctuation: false }, [/[A-Z]/, /[0-9]/]],
  ])('is made of what %j leaves, and of each kind at least once', (more, kinds) => {
    for (let n = 0; n < 200; n += 1) {
      const made = makePassword({ passwordKey: 'password', length: kinds.length, ...more });
      expect(kinds.filter((kind) => made.match(new RegExp(kind.source, 'g'))?.length !== 1)).toEqual([]);
    }
    expect(makePassword({ passwordKey: 'password', ...more })).toHaveLength(36);
  });

  test('drops the other entries of its base when it is made by the server, or keeps them', async () => {
    const other = { name: 'both', generated: spec, entries: { username: 'app' } };
    for (const [generatedKeepsOthers, keys] of [
      ['no', ['password']],
      ['yes', ['username', 'password']],
    ] as const) {
      const at = await keeper(aLockbox().withSecret(other).assuming({ generatedKeepsOthers }));
      await at.order(add);
      expect(Object.keys(await at.payload())).toEqual(keys);
    }
  });

  test('cannot be both given and made, nor told how to be made', async () => {
    const at = await keeper(withGenerated);
    expect(await at.outcome(add, password('mine'))).toBe('400/3');
    expect(await at.outcome(add, { passwordPayloadSpecification: spec })).toBe('400/3');
  });

  test.each([
    ['without an entry left', { payloadEntries: [{ key: 'username' }, { key: 'password' }] }],
    ['with a key given twice', { payloadEntries: [{ key: 'a', textValue: 'x' }, { key: 'a' }] }],
    ['with a key that is none', { payloadEntries: [{ key: 'a b', textValue: 'x' }] }],
    ['without a key', { payloadEntries: [{ textValue: 'x' }] }],
    ['both text and bytes', { payloadEntries: [{ key: 'a', textValue: 'x', binaryValue: 'AAE=' }] }],
    ['of no base64', { payloadEntries: [{ key: 'a', binaryValue: 'AA' }] }],
    ['too long', password('x'.repeat(65_537))],
    ['too long in all', password('x'.repeat(65_534))],
    ['with a description without end', { ...password('x'), description: 'x'.repeat(1025) }],
  ])('is refused %s', async (_, body) => {
    const at = await keeper(withDb);
    expect(await at.outcome(add, body)).toBe('400/3');
    expect(at.at.books().versions).toHaveLength(1);
  });

  test('is refused on a base that is not there or no longer to be had, and on a secret that is inactive', async () => {
    const at = await keeper(withDb);
    const first = at.at.secret().current() ?? '';
    expect(await at.outcome(add, { ...password('x'), baseVersionId: 'e6qnone' })).toBe('404/5');
    at.at.control.scheduleDestruction(60_000);
    expect(await at.outcome(add, password('x'))).toBe('400/9');
    at.at.control.destroyVersion();
    expect(await at.outcome(add, { ...password('x'), baseVersionId: first })).toBe('400/9');
    at.at.control.deactivate();
    expect(await at.outcome(add, { baseVersionId: first })).toBe('400/9');
    const other = await keeper(withDb.assuming({ scheduledBase: 'yes' }));
    other.at.control.scheduleDestruction(60_000);
    expect(await other.outcome(add, password('x'))).toBe('200');
  });

  test('is refused beyond the quota, which destroyed ones do not count for', async () => {
    const at = await keeper(withDb.with({ versionQuota: 3 }));
    const first = at.at.secret().current();
    await at.order(add, password('pw-2'));
    await at.order(add, password('pw-3'));
    expect(await at.outcome(add, password('pw-4'))).toBe('429/8');
    at.at.control.scheduleDestruction(60_000, first);
    expect(await at.outcome(add, password('pw-4'))).toBe('429/8');
    at.at.control.skew(61_000);
    expect(await at.outcome(add, password('pw-4'))).toBe('200');
  });

  test('has a quota of a thousand', async () => {
    const versions = Array.from({ length: 1000 }, () => ({ entries: { password: 'x' } }));
    const at = await keeper(aLockbox().withSecret({ name: 'full', versions }));
    expect(await at.outcome(add, password('x'))).toBe('429/8');
  });
});

describe('the current version', () => {
  test('can be set back and forth, and the books show who was current when', async () => {
    const at = await keeper(withDb);
    const first = at.at.secret().current() ?? '';
    const second = (await at.order(add, password('pw-2'))).metadata.versionId;
    await at.order('setCurrentVersion', { versionId: first });
    expect(await at.payload()).toMatchObject({ password: 'pw-1' });
    at.at.control.setCurrent(second);
    expect((await at.current())?.id).toBe(second);
    const changes = at.at.books().currents.map(({ version, by }) => [version, by]);
    const [me, others] = ['keeper', 'somebody'];
    expect(changes).toEqual([
      [first, others],
      [second, me],
      [first, me],
      [second, others],
    ]);
  });

  test('cannot be one that is scheduled, destroyed or not there', async () => {
    const at = await keeper(withDb);
    const first = at.at.secret().current() ?? '';
    await at.order(add, password('pw-2'));
    at.at.control.scheduleDestruction(60_000, first);
    expect(await at.outcome('setCurrentVersion', { versionId: first })).toBe('400/9');
    at.at.control.destroyVersion(first);
    expect(await at.outcome('setCurrentVersion', { versionId: first })).toBe('400/9');
    expect(await at.outcome('setCurrentVersion', { versionId: 'e6qnone' })).toBe('404/5');
    expect(await at.outcome('setCurrentVersion')).toBe('400/3');
  });

  test('cannot be set at all on older servers, which do not know the path or the method', async () => {
    for (const [setCurrentVersion, answer] of [
      ['unknown', '404/5'],
      ['unimplemented', '501/12'],
    ] as const) {
      const at = await keeper(withDb.with({ setCurrentVersion }));
      expect(await at.outcome('setCurrentVersion', { versionId: at.at.secret().current() })).toBe(answer);
    }
  });

  test('may be any of them from the start, if it is there', async () => {
    const versions = ['e6qa', 'e6qb'].map((id) => ({ id, entries: { password: id } }));
    const described = (current: string) => aLockbox().withSecret({ name: 'db', versions, current });
    const at = await keeper(described('e6qa'));
    expect(await at.payload()).toEqual({ password: 'e6qa' });
    await expect(described('e6qc').start()).rejects.toThrow('e6qc');
  });

  test('may be none at all', async () => {
    const at = await keeper(aLockbox().withSecret({ name: 'empty', versions: [] }));
    expect(await at.current()).toBeUndefined();
    expect(await at.readable()).toBe('400/9');
    expect(await at.outcome(add)).toBe('400/3');
    await at.order(add, password('first'));
    expect(await at.payload()).toEqual({ password: 'first' });
  });

  test('is none when the server has lost it', async () => {
    const at = await keeper(withDb);
    const first = at.at.secret().current();
    at.at.control.forgetVersion();
    expect(await at.current()).toBeUndefined();
    expect(await at.readable(first)).toBe('404/5');
    expect(at.at.books().versions[0]).toMatchObject({ endedBy: 'forgotten' });
    expect(at.at.books().currents.at(-1)).toMatchObject({ version: null });
  });
});

test('a value is found again in the versions that have it', async () => {
  const at = keeperAt(await start(withDb));
  const [first] = at.at.secret().versions();
  await at.order(add, password('pw-2'));
  expect(at.at.control.versionsWith({ PGPASSWORD: 'pw-1', PGUSER: 'app' })).toEqual([
    { secret: 'db', version: first, status: 'ACTIVE', isCurrent: false },
  ]);
  expect(at.at.control.versionsWith({ PGUSER: 'app' })).toHaveLength(2);
  expect(at.at.control.accepts({ PGPASSWORD: 'pw-1', PGUSER: 'app' })).toBe(true);
  expect(at.at.control.accepts({ PGPASSWORD: 'pw-3' })).toBe(false);
  at.at.control.destroyVersion(first);
  expect(at.at.control.accepts({ PGPASSWORD: 'pw-1', PGUSER: 'app' })).toBe(false);
});
