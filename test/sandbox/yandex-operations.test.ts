/** Changes as operations: at once, later, never, failed at HTTP 200; and the keys that make them happen once. */
import { describe, expect, test } from 'vitest';
import { seconds } from '../../src/core/time.ts';
import { keeperAt, lockboxes, withDb } from './yandex-asking.ts';

const { start, keeper } = lockboxes();
const add = 'addVersion';
const body = { payloadEntries: [{ key: 'password', textValue: 'pw-2' }] };
const key = 'c1700de3-b8cb-4d8a-9990-000000000001';
const otherKey = 'c1700de3-b8cb-4d8a-9990-000000000002';

describe('an operation', () => {
  test('is done in the first answer, as nearly all of them are', async () => {
    const at = await keeper(withDb);
    const { done, metadata, response } = await at.order(add, body);
    expect({ done, id: response?.id }).toEqual({ done: true, id: metadata.versionId });
  });

  test('names its version from the start, and is done when it was asked for often enough', async () => {
    const at = await keeper(withDb);
    at.at.control.fault({ kind: 'operation', polls: 2, on: 'version-add', times: 1 });
    const started = await at.order(add, body);
    expect(started).toMatchObject({ done: false, metadata: { versionId: expect.stringMatching(/^e6q/) } });
    expect(started).not.toHaveProperty('response');
    expect(await at.versions()).toHaveLength(1);
    expect((await at.operation(started.id)).done).toBe(false);
    const done = await at.operation(started.id);
    expect(done).toMatchObject({ done: true, response: { id: started.metadata.versionId } });
    expect((await at.current())?.id).toBe(started.metadata.versionId);
    expect(at.at.books().operations).toMatchObject([{ route: 'version-add', polls: 2, doneAt: expect.any(Number) }]);
  });

  test('is done after some time, asked for or not', async () => {
    const at = await keeper(withDb.with({ operations: { takes: seconds(30) } }));
    const { id } = await at.order(add, body);
    expect((await at.operation(id)).done).toBe(false);
    at.at.control.skew(seconds(31));
    expect(await at.versions()).toHaveLength(2);
    expect((await at.operation(id)).done).toBe(true);
  });

  test('is done by whichever comes first, time or being asked for', async () => {
    const at = await keeper(withDb.with({ operations: { takes: seconds(30), polls: 1 } }));
    const { id } = await at.order(add, body);
    expect((await at.operation(id)).done).toBe(true);
    await at.order(add, body);
    at.at.control.skew(seconds(31));
    expect(await at.versions()).toHaveLength(3);
  });

  test('fails late with HTTP 200, and nothing has come of it', async () => {
    const at = await keeper(withDb);
    at.at.control.fault({ kind: 'operation', polls: 1, error: { code: 13, message: 'Internal error' } });
    const { id } = await at.order(add, body);
    const failed = await at.operation(id);
    expect(failed).toMatchObject({ done: true, error: { code: 13, message: 'Internal error' } });
    expect(failed).not.toHaveProperty('response');
    expect(await at.versions()).toHaveLength(1);
    expect(at.at.books().operations).toMatchObject([{ code: 13 }]);
  });

  test('fails at once with HTTP 200', async () => {
    const at = await keeper(withDb);
    at.at.control.fault({ kind: 'operation', error: { code: 8 } });
    expect(await at.order(add, body)).toMatchObject({ done: true, error: { code: 8 } });
  });

  test('shows its error before it is done, while it is rolled back', async () => {
    const at = await keeper(withDb);
    at.at.control.fault({ kind: 'operation', polls: 1, error: { code: 13 }, rollback: 2 });
    const { id } = await at.order(add, body);
    const seen = [await at.operation(id), await at.operation(id), await at.operation(id)];
    expect(seen.map(({ done, error }) => [done, error?.code])).toEqual([
      [false, 13],
      [false, 13],
      [true, 13],
    ]);
  });

  test('finds by the time it is done that somebody else was faster', async () => {
    const at = await keeper(withDb);
    at.at.control.fault({ kind: 'operation', polls: 1, times: 1 });
    const { id } = await at.order(add, { ...body, baseVersionId: at.at.secret().current() });
    at.at.control.destroyVersion();
    expect(await at.operation(id)).toMatchObject({ done: true, error: { code: 9 } });
  });

  test('merges into what somebody else added before it was done', async () => {
    const at = await keeper(withDb);
    at.at.control.fault({ kind: 'operation', polls: 1, times: 1 });
    const { id } = await at.order(add, body);
    at.at.control.addVersion({ extra: 'x' });
    await at.operation(id);
    expect(await at.payload()).toEqual({ username: 'app', password: 'pw-2', extra: 'x' });
  });

  test('finds that others have used up the quota meanwhile', async () => {
    const at = await keeper(withDb.with({ versionQuota: 2 }));
    at.at.control.fault({ kind: 'operation', polls: 1, times: 1 });
    const { id } = await at.order(add, body);
    at.at.control.addVersion({ extra: 'x' });
    expect(await at.operation(id)).toMatchObject({ done: true, error: { code: 8 } });
  });

  test('that takes its time saves a version from destruction, or comes too late', async () => {
    for (const [takes, status] of [
      [30, 'ACTIVE'],
      [90, 'DESTROYED'],
    ] as const) {
      const at = await keeper(withDb);
      at.at.control.scheduleDestruction(seconds(60));
      at.at.control.fault({ kind: 'operation', takes: seconds(takes), times: 1 });
      const { id } = await at.order('cancelVersionDestruction', { versionId: at.at.secret().current() });
      at.at.control.skew(seconds(100));
      expect((await at.current())?.status).toBe(status);
      expect((await at.operation(id)).error?.code).toBe(status === 'ACTIVE' ? undefined : 9);
    }
  });

  test('keeps others from changing the secret meanwhile, where servers are like that', async () => {
    const at = await keeper(withDb.assuming({ concurrentChanges: 'aborted' }));
    at.at.control.fault({ kind: 'operation', polls: 1, times: 1 });
    const { id } = await at.order(add, body);
    expect(await at.outcome(add, body)).toBe('409/10');
    await at.operation(id);
    expect(await at.outcome(add, body)).toBe('200');
  });

  test('is unknown by a wrong id', async () => {
    const at = await keeper(withDb);
    await expect(at.operation('e6qnone')).rejects.toThrow('404/5');
  });
});

describe('an idempotency key', () => {
  test('answers with the operation it started, however often it comes', async () => {
    const at = await keeper(withDb);
    const first = await at.order(add, body, key);
    expect(await at.order(add, body, key)).toEqual(first);
    expect(await at.order(add, { payloadEntries: [{ key: 'other', textValue: 'x' }] }, key)).toEqual(first);
    expect(await at.versions()).toHaveLength(2);
    expect(at.at.books().operations).toMatchObject([{ key, repeats: 2, version: first.metadata.versionId }]);
  });

  test('finds the operation whose answer was lost', async () => {
    const at = await keeper(withDb);
    at.at.control.fault({ kind: 'cut', work: true, on: 'version-add', times: 1 });
    await expect(at.order(add, body, key)).rejects.toMatchObject({ code: 'ECONNRESET' });
    const { metadata } = await at.order(add, body, key);
    expect(at.at.secret().versions()).toHaveLength(2);
    expect(at.at.secret().current()).toBe(metadata.versionId);
  });

  test('shows how the operation stands by now', async () => {
    const at = await keeper(withDb);
    at.at.control.fault({ kind: 'operation', polls: 1, times: 1 });
    const { id, done } = await at.order(add, body, key);
    expect(done).toBe(false);
    expect((await at.order(add, body, key)).done).toBe(false);
    await at.operation(id);
    expect(await at.order(add, body, key)).toMatchObject({ id, done: true });
  });

  test('is not used up by a refusal', async () => {
    const at = await keeper(withDb);
    await expect(at.order(add, { strange: true }, key)).rejects.toThrow('400/3');
    expect((await at.order(add, body, key)).done).toBe(true);
  });

  test('missing or another makes a second version', async () => {
    const at = await keeper(withDb);
    for (const one of [key, otherKey, undefined, undefined]) await at.order(add, body, one);
    expect(await at.versions()).toHaveLength(5);
  });

  test('belongs to whoever sent it', async () => {
    const sandbox = await start(withDb.withAccount({}).withAccount({ name: 'other' }));
    const ours = await keeperAt(sandbox).order(add, body, key);
    const theirs = await keeperAt(sandbox, sandbox.accountNamed('other')).order(add, body, key);
    expect(theirs.id).not.toBe(ours.id);
  });

  test('that is no random UUID is refused', async () => {
    const at = await keeper(withDb);
    for (const wrong of ['rotation-1', 'c1700de3-b8cb-1d8a-9990-000000000001'])
      await expect(at.order(add, body, wrong)).rejects.toThrow('400/3');
  });
});
