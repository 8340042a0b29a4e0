/** What may be said of an error that ended the daemon: words of our own and the system's, and nobody else's. */
import { readFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { LeaseError } from '../src/core/failure.ts';
import { Occupied } from '../src/foundations.ts';
import { lastWords } from '../src/last-words.ts';
import { RedisRefused } from '../src/state/redis-probe.ts';

test('words that name places and codes are said', async () => {
  expect(lastWords(new Error('make it, owned by the user we run as'))).toBe('make it, owned by the user we run as');
  expect(lastWords(new RedisRefused('Redis is too old'))).toBe('Redis is too old');
  expect(lastWords(new LeaseError('denied', 'the file is empty'))).toBe('the file is empty');
  expect(lastWords(new Occupied('/data', 7))).toContain('pid 7 already works in /data');
  const fault: unknown = await readFile('/nowhere/seal.key').catch((error: unknown) => error);
  expect(lastWords(fault)).toContain('/nowhere/seal.key');
});

test('those of others may quote a value, and are not', () => {
  class ReplyError extends Error {}
  for (const error of [new ReplyError('hunter2'), new TypeError('hunter2'), 'hunter2', { message: 'hunter2' }]) {
    expect(lastWords(error)).toBe('it failed for a reason that nobody foresaw');
  }
});

test.each([
  ['ENOSPC', Object.assign(new RangeError('no space for VALUE'), { code: 'ENOSPC' }), 'no space is left'],
  ['another code', Object.assign(new TypeError('VALUE'), { code: 'EIO' }), 'the system said no (EIO)'],
  ['a Redis that cannot write', named('ReplyError', 'MISCONF VALUE'), 'Redis refused (MISCONF): it cannot write'],
  ['a Redis that left', named('MaxRetriesPerRequestError', 'VALUE'), 'Redis went away while we started'],
  ['a Redis that says anything else', named('ReplyError', 'ERR VALUE'), 'nobody foresaw'],
])('of %s say what it was and quote nothing', (_, error, words) => {
  expect(lastWords(error)).toContain(words);
  expect(lastWords(error)).not.toContain('VALUE');
});

function named(name: string, message: string): Error {
  return Object.assign(new TypeError(message), { name });
}
