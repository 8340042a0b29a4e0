/** A command is run as it is written, gets no more than it needs, tells nothing, and is gone when its time is over. */
import { existsSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { afterAll, beforeEach, describe, expect, test } from 'vitest';
import { LeaseError } from '../../src/core/failure.ts';
import { runCommand } from '../../src/sinks/command.ts';
import { exec, type ReloadCommand } from '../../src/sinks/reload-exec.ts';
import { aDirectory } from '../conformance/fixtures/sink-process.ts';

const top = aDirectory();
afterAll(() => rmSync(top, { recursive: true }));
let count = 0;
let file: string;
beforeEach(() => {
  file = join(top, String(++count));
});

const going = new AbortController().signal;
const env = { PATH: process.env['PATH'], HOME: '/home/x', TZ: 'Europe/Berlin', VAULT: 'v-a-l-u-e', NAMED: 'named' };
const step = (command: string[], change: Partial<ReloadCommand> = {}) =>
  exec({ exec: command, timeout: 60_000, env: [], ...change }, { env });
const failureOf = (promise: Promise<void>): Promise<LeaseError> =>
  promise.then(
    () => Promise.reject(new Error('it succeeded')),
    (error: LeaseError) => error,
  );

/** Gone, or only waiting for somebody to notice. */
async function ended(pid: number): Promise<void> {
  for (;;) {
    if (!existsSync(`/proc/${pid}/stat`)) return;
    if (/\) [ZX] /.test(readFileSync(`/proc/${pid}/stat`, 'latin1'))) return;
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

async function written(path: string): Promise<string> {
  while (!existsSync(path) || !readFileSync(path, 'utf8').endsWith('\n')) await new Promise(setImmediate);
  return readFileSync(path, 'utf8');
}

test('its arguments reach it as they are written: there is no shell between', async () => {
  const odd = ['$HOME', '`id`', "it's", 'a b', '; touch x', ''];
  await step(['sh', '-c', 'printf "%s\\n" "$@" > "$0"', file, ...odd]).run(going);
  expect(readFileSync(file, 'utf8')).toBe(odd.map((text) => `${text}\n`).join(''));
});

test('of our environment it gets what every program needs and what was named', async () => {
  const names = async (named: string[]) => {
    await step(['sh', '-c', '/usr/bin/env > "$0"', file], { env: named }).run(going);
    const lines = readFileSync(file, 'utf8').trim().split('\n');
    return lines
      .map((line) => line.replace(/=.*/s, ''))
      .filter((name) => !['PWD', 'OLDPWD', '_', 'SHLVL'].includes(name))
      .sort();
  };
  expect(await names([])).toEqual(['HOME', 'PATH', 'TZ']);
  expect(await names(['NAMED', 'NOT_SET'])).toEqual(['HOME', 'NAMED', 'PATH', 'TZ']);
});

test('it has nothing to read', () => step(['sh', '-c', 'read line; test $? -eq 1']).run(going));

test('its exit code is the answer, and what it printed is told to nobody but how much it was', async () => {
  const script = 'echo CANARY-1; echo CANARY-2 >&2; printf CANARY-3; exit 3';
  const error = await failureOf(step(['sh', '-c', script]).run(going));
  expect(error).toBeInstanceOf(LeaseError);
  expect(error).toMatchObject({
    code: 'unavailable',
    message: 'sh: exit code 3 (2 lines of output, which are not kept)',
  });
  expect(inspect(error, { depth: null })).not.toContain('CANARY');
});

test('one that dies by a signal has failed', async () => {
  expect((await failureOf(step(['sh', '-c', 'kill -SEGV $$']).run(going))).message).toContain('ended by SIGSEGV');
});

test.each([
  ['/does/not/exist', 'ENOENT'],
  ['/etc', 'EACCES'],
])('one that cannot be started has failed: %s', async (command, code) => {
  const error = await failureOf(step([command]).run(going));
  expect(error).toMatchObject({ code: 'unavailable', message: expect.stringContaining(`cannot be started: ${code}`) });
});

test('one with more arguments than the system takes has failed', async () => {
  const error = await failureOf(step(['true', 'x'.repeat(2 ** 22)]).run(going));
  expect(error).toMatchObject({ code: 'unavailable', message: expect.stringContaining('cannot be started: E2BIG') });
});

test('one that prints very much is neither held up nor cut off', () =>
  step(['sh', '-c', 'head -c 32M /dev/zero && head -c 32M /dev/zero >&2']).run(going));

test('one that prints without end has only its time', async () => {
  expect((await failureOf(step(['yes'], { timeout: 300 }).run(going))).message).toContain('took longer');
});

describe('it is killed with all that it started', () => {
  const command = () => ['sh', '-c', 'sleep 1000 & echo "$$ $!" > "$0"; wait; sleep 1000', file];

  test('when its time is over', async () => {
    const error = await failureOf(step(command(), { timeout: 500 }).run(going));
    expect(error).toMatchObject({ code: 'unavailable', message: 'sh: took longer than 0.5 s and was killed' });
    for (const pid of (await written(file)).trim().split(' ')) await ended(Number(pid));
  });

  test('when we are stopping', async () => {
    const abort = new AbortController();
    const failure = failureOf(step(command()).run(abort.signal));
    const pids = (await written(file)).trim().split(' ');
    abort.abort();
    expect((await failure).message).toBe('sh: was killed: we are stopping');
    for (const pid of pids) await ended(Number(pid));
  });
});

describe('one that does not end by being killed is not waited for', () => {
  // As where it has become another user, by sudo: the system lets nobody kill it but that one.
  const refusing = () => {
    throw Object.assign(new Error('kill EPERM'), { code: 'EPERM' });
  };
  // As where it hangs on a disk that is away.
  const unheard = () => true as const;

  test.each([
    ['EPERM', refusing, 'could not be killed (EPERM) and runs on'],
    ['no answer', unheard, 'was killed, which has not ended it yet'],
  ])('when its time is over, or we are stopping: %s', async (_, kill, words) => {
    const command = { exec: ['sh', '-c', 'echo "$$" > "$0"; exec sleep 1000', file], env };
    const stopping = new AbortController();
    for (const [timeout, whole] of [
      [500, `sh: took longer than 0.5 s and ${words}`],
      [60_000, `sh: ${words}: we are stopping`],
    ] as const) {
      rmSync(file, { force: true });
      const ending = runCommand({ ...command, timeout }, stopping.signal, kill);
      const pid = Number(await written(file));
      if (timeout === 60_000) stopping.abort();
      expect(await ending).toEqual({ how: 'killed', words: whole });
      process.kill(pid, 'SIGKILL');
      await ended(pid);
    }
  });
});

test('what we have no more time for is not said to end with us', async () => {
  const late = AbortSignal.timeout(200);
  expect((await failureOf(step(['sleep', '1000']).run(late))).message).toBe(
    'sleep: was killed: there was no more time for it',
  );
  expect((await failureOf(step(['true']).run(late))).message).toBe(
    'true: was not started: there was no more time for it',
  );
});

test('it is not even started when we are stopping already', async () => {
  await failureOf(step(['sh', '-c', 'echo > "$0"', file]).run(AbortSignal.abort()));
  expect(existsSync(file)).toBe(false);
});

test('what it leaves running on purpose goes on, and is not waited for', async () => {
  await step(['sh', '-c', 'sleep 1000 & echo $! > "$0"', file]).run(going);
  const pid = Number(await written(file));
  expect(process.kill(pid, 0)).toBe(true);
  process.kill(pid, 'SIGKILL');
});
