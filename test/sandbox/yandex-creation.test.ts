/** Secrets that are made and changed over the wire: by other people, and by whoever prepares a test. */
import { describe, expect, test } from 'vitest';
import { aLockbox } from './yandex/builder.ts';
import { lockboxes, withDb } from './yandex-asking.ts';

const { keeper } = lockboxes();

describe('a secret that is created', () => {
  const folderId = 'b1gfolder00000000001';
  const secrets = '/lockbox/v1/secrets';

  test('is there while the operation is under way, and has its version when it is done', async () => {
    const at = await keeper(withDb);
    const sent = { folderId, name: 'new', versionPayloadEntries: [{ key: 'a', textValue: 'b' }] };
    const started = (await at.ask('lockbox', 'POST', secrets, { body: sent })).body as { id: string; done: boolean };
    expect(started.done).toBe(false);
    const id = at.at.secret('new').id;
    expect((await at.ask('lockbox', 'GET', `${secrets}/${id}`)).body).toMatchObject({ status: 'CREATING' });
    await at.operation(started.id);
    expect((await at.ask('lockbox', 'GET', `${secrets}/${id}`)).body).toMatchObject({
      status: 'ACTIVE',
      currentVersion: { payloadEntryKeys: ['a'] },
    });
  });

  test('is gone again when the operation failed', async () => {
    const at = await keeper(withDb);
    at.at.control.fault({ kind: 'operation', polls: 1, error: { code: 13 } });
    const { body: started } = await at.ask('lockbox', 'POST', secrets, { body: { folderId, name: 'new' } });
    const { id } = at.at.secret('new');
    await at.operation((started as { id: string }).id);
    expect((await at.ask('lockbox', 'GET', `${secrets}/${id}`)).status).toBe(404);
  });

  test.each([
    [
      'entries and a specification',
      { versionPayloadEntries: [{ key: 'a', textValue: 'b' }], passwordPayloadSpecification: { passwordKey: 'p' } },
    ],
    ['a version of nothing', { createVersion: true }],
    ['labels that are none', { labels: { Team: 'x' } }],
    ['a specification that nothing can be made by', { passwordPayloadSpecification: { passwordKey: 'p', length: 3 } }],
    [
      'punctuation both included and excluded',
      { passwordPayloadSpecification: { passwordKey: 'p', includedPunctuation: '!', excludedPunctuation: '?' } },
    ],
  ])('is refused with %s', async (_, more) => {
    const at = await keeper(withDb);
    expect((await at.ask('lockbox', 'POST', secrets, { body: { folderId, ...more } })).status).toBe(400);
    expect(() => at.at.secret('new')).toThrow();
  });

  test('changes as the mask says, and only that', async () => {
    const at = await keeper(aLockbox().withSecret({ name: 'db', description: 'old', entries: { a: 'b' } }));
    const path = `${secrets}/${at.at.secret().id}`;
    const change = (sent: object) => at.ask('lockbox', 'PATCH', path, { body: sent });
    await change({ updateMask: 'name', name: 'renamed', description: 'not this' });
    expect((await at.ask('lockbox', 'GET', path)).body).toMatchObject({ name: 'renamed', description: 'old' });
    const generated = { passwordKey: 'password', length: '12', includePunctuation: false };
    await change({ updateMask: 'passwordPayloadSpecification', passwordPayloadSpecification: generated });
    await at.order('addVersion');
    expect(await at.payload()).toEqual({ password: expect.stringMatching(/^\w{12}$/) });
    await change({ updateMask: 'passwordPayloadSpecification' });
    expect(await at.outcome('addVersion', { payloadEntries: [{ key: 'password', textValue: 'x' }] })).toBe('200');
    for (const wrong of [{}, { updateMask: 'folderId' }, { updateMask: ['name'] }])
      expect((await change(wrong)).status).toBe(400);
  });
});
