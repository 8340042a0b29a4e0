/** What the servers refuse, and what they let pass although it looks odd; roles; lists. */
import { describe, expect, test } from 'vitest';
import { say } from './asking.ts';
import { aLockbox } from './yandex/builder.ts';
import { type Host, hosts, type Role } from './yandex/spec.ts';
import { keeperAt, lockboxes, outcomeOf, withDb } from './yandex-asking.ts';

const { start, keeper } = lockboxes();
const secrets = '/lockbox/v1/secrets';

describe('refused is', () => {
  test.each([
    ['lockbox', 'GET', '/lockbox/v1/secret'],
    ['lockbox', 'GET', '/lockbox/v1/secrets/ID/'],
    ['lockbox', 'PUT', '/lockbox/v1/secrets/ID'],
    ['lockbox', 'GET', '/lockbox/v1/secrets/ID:activate'],
    ['lockbox', 'POST', '/lockbox/v1/secrets/ID:rotate'],
    ['lockbox', 'POST', '/lockbox/v1/secrets/ID:cancelVersionDestruction:x'],
    ['lockbox', 'GET', '/lockbox/v1/secrets/ID/payload'],
    ['lockbox', 'GET', '/operations/ID'],
    ['payload', 'GET', '/lockbox/v1/secrets/ID'],
    ['payload', 'GET', '/lockbox/v1/secrets/ID/versions'],
    ['operation', 'GET', '/lockbox/v1/secrets/ID'],
    ['operation', 'POST', '/operations/ID:cancel'],
    ['iam', 'GET', '/iam/v1/tokens'],
    ['discovery', 'GET', '/endpoints/nope'],
  ] as const)('what the host has no method for: %s %s %s', async (host, method, path) => {
    const at = await keeper(withDb);
    const reply = await at.ask(host, method, path.replace('ID', at.at.secret().id));
    expect(outcomeOf(reply)).toBe('404/5');
  });

  test.each([
    ['an unknown parameter', 'GET', '', '?view=FULL'],
    ['a parameter of nothing', 'POST', ':activate', '?x='],
    ['a page of letters', 'GET', '/versions', '?pageSize=ten'],
    ['a page too large', 'GET', '/versions', '?pageSize=1001'],
    ['a page less than none', 'GET', '/versions', '?pageSize=-1'],
    ['a page that is none', 'GET', '/versions', '?pageToken=e6qnone'],
    ['a parameter given twice', 'GET', '/versions', '?pageSize=1&page_size=2'],
    ['the same parameter again', 'GET', '/versions', '?pageSize=1&pageSize=1'],
  ])('%s', async (_, method, path, query) => {
    const at = await keeper(withDb);
    const reply = await at.ask('lockbox', method, `${secrets}/${at.at.secret().id}${path}${query}`);
    expect(outcomeOf(reply)).toBe('400/3');
  });

  test.each([
    ['a body where there is none', 'GET', '', '{}'],
    ['a body where a verb says it all', 'POST', ':activate', '{}'],
    ['a body to be deleted', 'DELETE', '', '{}'],
    ['an unknown field', 'POST', ':setCurrentVersion', { versionId: 'x', force: true }],
    ['a field in another case', 'POST', ':setCurrentVersion', { VersionId: 'x' }],
    ['a field in both spellings', 'POST', ':setCurrentVersion', { versionId: 'x', version_id: 'x' }],
    ['a number for a text', 'POST', ':setCurrentVersion', { versionId: 7 }],
    ['an object for a list', 'POST', ':addVersion', { payloadEntries: { key: 'a' } }],
    ['a list for an object', 'POST', ':addVersion', []],
    ['no JSON', 'POST', ':addVersion', '{'],
    ['an unknown field inside', 'POST', ':addVersion', { payloadEntries: [{ key: 'a', value: 'b' }] }],
    ['a mask of nothing', 'PATCH', '', { updateMask: '' }],
    ['a flag of text', 'PATCH', '', { updateMask: 'deletionProtection', deletionProtection: 'true' }],
  ])('%s', async (_, method, path, body) => {
    const at = await keeper(withDb);
    const reply = await at.ask('lockbox', method, `${secrets}/${at.at.secret().id}${path}`, { body });
    expect(outcomeOf(reply)).toBe('400/3');
    expect(at.at.books().operations).toEqual([]);
  });

  test('a body of another type', async () => {
    const at = await keeper(withDb);
    const path = `${secrets}/${at.at.secret().id}:addVersion`;
    const as = async (type: string) =>
      outcomeOf(await at.ask('lockbox', 'POST', path, { body: {}, headers: { 'content-type': type } }));
    expect(await as('text/plain')).toBe('400/3');
    expect(await as('application/x-www-form-urlencoded')).toBe('400/3');
    expect(await as('application/json; charset=utf-8')).toBe('200');
    expect(await as('application/json')).toBe('200');
  });

  test('more than a megabyte', async () => {
    const at = await keeper(withDb);
    const path = `${secrets}/${at.at.secret().id}:addVersion`;
    const reply = await at.ask('lockbox', 'POST', path, { body: 'x'.repeat((1 << 20) + 1) });
    expect(outcomeOf(reply)).toBe('400/3');
  });

  test('anything with every reason at once', async () => {
    const at = await keeper(withDb);
    const body = { versionId: 7, force: true };
    const reply = await at.ask('lockbox', 'POST', `${secrets}/${at.at.secret().id}:setCurrentVersion`, { body });
    const [detail, info] = (reply.body as { details: { fieldViolations: { field: string }[]; requestId: string }[] })
      .details;
    expect(detail?.fieldViolations.map(({ field }) => field)).toEqual(['force', 'version_id']);
    expect(info?.requestId).toBe(reply.headers['x-request-id']);
  });
});

describe('let pass is', () => {
  test('what other clients send: snake case, nulls, numbers, empty tokens, no type, no body', async () => {
    const at = await keeper(withDb);
    const path = `${secrets}/${at.at.secret().id}`;
    const version = at.at.secret().current();
    const fine = [
      await at.ask('payload', 'GET', `${path}/payload?version_id=${version}`),
      await at.ask('lockbox', 'GET', `${path}/versions?pageToken=&page_size=`),
      await at.ask('lockbox', 'POST', `${path}:addVersion`),
      await at.ask('lockbox', 'POST', `${path}:addVersion`, { body: { description: null, payloadEntries: null } }),
      await at.ask('lockbox', 'POST', `${path}:setCurrentVersion`, { body: { version_id: version } }),
      await at.ask('lockbox', 'PATCH', path, {
        body: {
          update_mask: 'passwordPayloadSpecification',
          password_payload_specification: { password_key: 'password', length: 12 },
        },
      }),
    ];
    expect(fine.map(outcomeOf)).toEqual(fine.map(() => '200'));
  });
});

describe('an account', () => {
  const table: readonly [roles: readonly Role[], can: string][] = [
    [[], ''],
    [['lockbox.viewer'], 'see'],
    [['lockbox.auditor'], 'see'],
    [['lockbox.payloadViewer'], 'read'],
    [['lockbox.editor'], 'see change'],
    [['lockbox.viewer', 'lockbox.payloadViewer'], 'see read'],
    [['lockbox.admin'], 'see read change'],
  ];

  test.each(table)('with %j can %s', async (roles, can) => {
    const at = await keeper(withDb.withAccount({ roles }));
    const path = `${secrets}/${at.at.secret().id}`;
    const allowed = (able: string) => (can.split(' ').includes(able) ? '200' : '403/7');
    const get = async (host: Host, rest: string) => outcomeOf(await at.ask(host, 'GET', path + rest));
    const seen = [await get('lockbox', ''), await get('lockbox', '/versions'), await get('lockbox', '/operations')];
    expect(seen).toEqual([allowed('see'), allowed('see'), allowed('see')]);
    expect(await at.readable()).toBe(allowed('read'));
    expect(await at.outcome('addVersion', { payloadEntries: [{ key: 'a', textValue: 'b' }] })).toBe(allowed('change'));
    expect(await at.outcome('deactivate')).toBe(allowed('change'));
  });

  test('may have a role on one secret alone, and is not told whether others are there', async () => {
    const account = { roles: [], rolesOn: { db: ['lockbox.viewer'] } } as const;
    const at = await keeper(withDb.withSecret({ name: 'other', entries: { a: 'b' } }).withAccount(account));
    const get = async (id: string) => outcomeOf(await at.ask('lockbox', 'GET', `${secrets}/${id}`));
    expect(await get(at.at.secret('db').id)).toBe('200');
    expect(await get(at.at.secret('other').id)).toBe('403/7');
    expect(await get('e6qnone')).toBe('403/7');
    at.at.control.setRoles(['lockbox.viewer'], { secret: 'other' });
    expect(await get(at.at.secret('other').id)).toBe('200');
  });

  test('without the use of the KMS key can neither read nor write, which writing shows only in the operation', async () => {
    const roles = ['lockbox.editor', 'lockbox.payloadViewer'] as const;
    const secret = { name: 'db', entries: { password: 'x' }, kmsKeyId: 'abjkmskey00000000001' };
    const builder = aLockbox().withSecret(secret).withAccount({ roles });
    const at = await keeper(builder);
    expect(await at.readable()).toBe('403/7');
    expect(await at.outcome('addVersion')).toBe('200 with 7');
    expect(await at.outcome('deactivate')).toBe('200');
    const other = await keeper(builder.assuming({ kmsRefusal: 'answer' }));
    expect(await other.outcome('addVersion')).toBe('403/7');
    expect(await other.versions()).toHaveLength(1);
    other.at.control.setRoles([...roles, 'kms.keys.encrypterDecrypter']);
    expect([await other.readable(), await other.outcome('addVersion')]).toEqual(['200', '200']);
  });
});

describe('a list', () => {
  const versions = Array.from({ length: 5 }, () => ({ entries: { a: 'b' } }));
  const many = aLockbox().withSecret({ name: 'many', versions });

  const pagesOf = async (builder: typeof many, size: number) => {
    const at = await keeper(builder);
    const pages: string[][] = [];
    let token = '';
    do {
      const path = `${secrets}/${at.at.secret().id}/versions?pageSize=${size}&pageToken=${token}`;
      const { body } = await at.ask('lockbox', 'GET', path);
      const { versions = [], nextPageToken = '' } = body as { versions?: { id: string }[]; nextPageToken?: string };
      pages.push(versions.map(({ id }) => id));
      token = nextPageToken;
    } while (token !== '');
    return { pages, all: at.at.secret().versions() };
  };

  test('comes in pages, newest first, and ends with one that names no other', async () => {
    const { pages, all } = await pagesOf(many, 2);
    expect(pages.map((page) => page.length)).toEqual([2, 2, 1]);
    expect(pages.flat()).toEqual([...all].reverse());
  });

  test('may come oldest first, and with empty pages in between', async () => {
    const { pages, all } = await pagesOf(many.assuming({ versionOrder: 'oldest', pages: 'some-empty' }), 2);
    expect(pages.map((page) => page.length)).toEqual([0, 2, 0, 2, 0, 1]);
    expect(pages.flat()).toEqual(all);
  });

  test('of nothing is an empty object, or a 404 without a word', async () => {
    const path = `${secrets}?folderId=b1gnone`;
    const at = await keeper(withDb);
    expect(await at.ask('lockbox', 'GET', path)).toMatchObject({ status: 200, body: {} });
    const kz = await keeper(withDb.assuming({ emptyList: '404' }));
    expect(await kz.ask('lockbox', 'GET', path)).toMatchObject({ status: 404, text: '' });
  });
});

describe('a payload by name', () => {
  test('is found, in base64 throughout, by the secret’s id too, and by one of the two only', async () => {
    const entries = { text: 'ä', bytes: { binary: 'AAEC/w==' } };
    const at = await keeper(aLockbox().withSecret({ name: 'db', entries }));
    const { id, folderId } = at.at.secret();
    const ask = (query: string) => at.ask('payload', 'GET', `${secrets}:getEx?${query}`);
    const byName = await ask(`folderAndName.folderId=${folderId}&folderAndName.secretName=db`);
    expect(byName.body).toMatchObject({ secretId: id, entries: { text: 'w6Q=', bytes: 'AAEC/w==' } });
    expect((await ask(`secretId=${id}&versionId=${at.at.secret().current()}`)).body).toEqual(byName.body);
    expect(outcomeOf(await ask(''))).toBe('400/3');
    expect(outcomeOf(await ask(`secretId=${id}&folderAndName.folderId=x&folderAndName.secretName=y`))).toBe('400/3');
    expect(outcomeOf(await ask('folderAndName.folderId=x'))).toBe('400/3');
    expect(outcomeOf(await ask('secretId=e6qnone'))).toBe('404/5');
  });
});

test('discovery names the ports to be used, to anybody', async () => {
  const at = await start(withDb);
  const ask = (path: string) => say(at.endpoints.discovery, { method: 'GET', path });
  const { endpoints } = (await ask('/endpoints')).body as { endpoints: { id: string; address: string }[] };
  expect(endpoints.map(({ id }) => id)).toEqual(['iam', 'lockbox', 'lockbox-payload', 'operation']);
  const { address } = (await ask('/endpoints/lockbox-payload')).body as { address: string };
  expect(`http://${address}`).toBe(at.endpoints.payload);
  expect(new Set(hosts.map((host) => at.endpoints[host])).size).toBe(hosts.length);
});

test('the books tell billed reads from free ones, and hold no value', async () => {
  const at = keeperAt(await start(withDb));
  const version = at.at.secret().current();
  for (let n = 0; n < 3; n += 1) await at.current();
  await at.payload();
  await at.payload(version);
  at.at.control.deactivate();
  expect(await at.readable()).toBe('400/9');
  const books = at.at.books();
  expect(books.counts).toEqual({ 'secret-get': 3, 'payload-get': 3 });
  expect(books.payloadReads).toMatchObject([{ secret: 'db', version, by: 'keeper' }, { version }]);
  expect(books.requests.map(({ identity }) => identity)).toContain('keeper');
  for (const value of ['pw-1', at.at.account.token().value]) expect(JSON.stringify(books)).not.toContain(value);
});
