/** The directory sink: a reader never sees a torn set, whatever happens to the writer. */
import { fork, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, readdirSync, readFileSync, readlinkSync, rmSync } from 'node:fs';
import { setPriority } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeEach, describe, expect, test } from 'vitest';
import { type DirectoryOptions, directorySink } from '../../src/sinks/directory.ts';
import { aDirectory, isRoot, markKey } from '../conformance/fixtures/sink-process.ts';
import { bundled } from '../support/program.ts';
import { aDelivery as delivery } from '../support/sink-parts.ts';

const quick = aDirectory(existsSync('/dev/shm') ? '/dev/shm' : undefined);
afterAll(() => rmSync(quick, { recursive: true }));

let count = 0;
let path: string;
beforeEach(() => {
  path = join(quick, String(++count));
  mkdirSync(path);
});

const going = new AbortController().signal;
const aSink = (change: Partial<DirectoryOptions> = {}, key = markKey) =>
  directorySink({ path, keys: 'all', mode: 0o600, ...change }, key, 0);
const wordsOf = (promise: Promise<unknown> | undefined): Promise<string> =>
  Promise.resolve(promise).then(
    () => 'it succeeded',
    (error: Error) => error.message,
  );
const read = (name: string) => readFileSync(join(path, name), 'utf8');
const hidden = () => readdirSync(path).filter((name) => name.startsWith('..'));

describe('whole or not at all', () => {
  test('user and password belong together for a reader that resolves ..data once, over 10,000 rewrites', async () => {
    const sink = aSink({ mode: 0o640 });
    const set = (number: number) =>
      delivery({ user: `user-${number}`, password: `${'x'.repeat(number % 50)}-${number}` });
    await sink.write(set(0), going);
    const reader = fork(bundled(join(import.meta.dirname, 'directory-reader.ts')), [path]);
    await once(reader, 'message');
    // In a loop without a pause it would take the cores from all other tests; what nobody else needs is enough for it.
    setPriority(reader.pid ?? 0, 10);
    for (let number = 1; number <= 10_000; number += 1) await sink.write(set(number), going);
    reader.send('stop');
    const [told] = await once(reader, 'message');
    expect(told.torn).toEqual([]);
    expect(told.whole).toBeGreaterThan(100);
    expect(told.seen).toBeGreaterThan(50);
  }, 600_000);

  test('the former set stays a moment longer, for who has just followed the link to it', async () => {
    const sink = directorySink({ path, keys: 'all', mode: 0o600 }, markKey);
    await sink.write(delivery({ A: 'old' }), going);
    const former = join(path, readlinkSync(join(path, '..data')));
    const writing = sink.write(delivery({ A: 'new' }), going);
    while (join(path, readlinkSync(join(path, '..data'))) === former) await sleep(0);
    await sleep(50);
    expect([readFileSync(join(former, 'A'), 'utf8'), read('A')]).toEqual(['old', 'new']);
    await writing;
    expect(existsSync(former)).toBe(false);
  });

  test('killed at any moment, it leaves a whole set, and the next write leaves nothing else behind', async () => {
    const loop = bundled(join(import.meta.dirname, 'directory-loop.ts'));
    let leftovers = 0;
    for (let round = 0; round < 8 || (leftovers === 0 && round < 100); round += 1) {
      const writer = spawn(process.execPath, [loop, path], { stdio: ['ignore', 'pipe', 'inherit'] });
      await once(writer.stdout, 'data');
      if (round % 2) await sleep(Math.random() * 20);
      else while (hidden().length < 3) await sleep(0);
      writer.kill('SIGKILL');
      await once(writer, 'exit');
      const data = join(path, readlinkSync(join(path, '..data')));
      const values = readdirSync(data).map((name) => readFileSync(join(data, name), 'utf8'));
      expect(values).toHaveLength(3);
      expect(new Set(values).size).toBe(1);
      expect(values[0]).toMatch(/^(\d+?)\1*$/);
      for (const name of ['user', 'password']) expect(read(name)).toBe(values[0]);
      leftovers += hidden().length - 2;
    }
    expect(leftovers).toBeGreaterThan(0);
    const mark = await aSink().write(delivery({ A: '1' }), going);
    expect(readdirSync(path).sort()).toEqual([readlinkSync(join(path, '..data')), '..data', 'A'].sort());
    expect(await aSink().holds?.(mark, going)).toBe(true);
  });

  test('what was made for a set that could not be written goes with it', async () => {
    if (!isRoot) return expect(isRoot).toBe(false);
    await aSink().write(delivery({ A: '1' }), going);
    const before = readdirSync(path);
    const abort = new AbortController();
    abort.abort();
    expect(await wordsOf(aSink().write(delivery({ A: '2', B: '2' }), abort.signal))).toMatch(/stopped/);
    // Aborted from the moment on that the new set is there, which only who asks the signal itself cannot miss.
    const late = new AbortController().signal;
    Object.defineProperty(late, 'aborted', { get: () => hidden().length > 2 });
    expect(await wordsOf(aSink().write(delivery({ A: '2', B: '2' }), late))).toMatch(/stopped/);
    expect(late.aborted).toBe(false);
    expect(readdirSync(path)).toEqual(before);
  });
});
