/** What a writer leaves behind that is killed at any moment: a whole file, and nothing after the next write. */
import { spawn } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdirSync, readdirSync, readFileSync, rmdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeEach, describe, expect, test } from 'vitest';
import { Material } from '../../src/core/material.ts';
import { fileSink } from '../../src/sinks/file.ts';
import { aDirectory, isRoot, markKey } from '../conformance/fixtures/sink-process.ts';
import { bundled } from '../support/program.ts';

const top = aDirectory();
afterAll(() => rmSync(top, { recursive: true }));

let count = 0;
let directory: string;
let path: string;
beforeEach(() => {
  directory = join(top, String(++count));
  mkdirSync(directory);
  path = join(directory, 'app.env');
});

const going = new AbortController().signal;
const delivery = { secret: 's', lease: 'l', generation: 0, sequence: 1, material: new Material({ A: '1' }) };
const aSink = (name = 'app.env') =>
  fileSink({ path: join(directory, name), format: 'dotenv', keys: 'all', mode: 0o600 }, markKey);

const loop = bundled(join(import.meta.dirname, 'file-loop.ts'));

test('the file is old or new, whole, whenever the writer was killed, and the next write leaves nothing else behind', async () => {
  // Where we can, somebody else's: what is not theirs from the first byte on is then easily told.
  const owner = isRoot ? { uid: 12_345, gid: 23_456 } : { uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0 };
  let leftovers = 0;
  for (let round = 0; round < 25 || (leftovers === 0 && round < 100); round += 1) {
    const writer = spawn(process.execPath, [loop, path, `${owner.uid}`, `${owner.gid}`], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    await once(writer.stdout, 'data');
    // At any moment, and where that is seldom in the middle, in the middle.
    if (round % 2) await sleep(Math.random() * 30);
    else while (readdirSync(directory).length < 2) await sleep(0);
    writer.kill('SIGKILL');
    await once(writer, 'exit');
    expect(readFileSync(path, 'utf8')).toMatch(/^A='(x*|y*)'\n$/);
    expect(statSync(path).size).toBeGreaterThan(1_000_000);
    const others = readdirSync(directory).filter((name) => name !== basename(path));
    leftovers += others.length;
    for (const name of others) {
      const { size, mode, uid, gid } = statSync(join(directory, name));
      if (size > 0) expect({ mode: mode & 0o7777, uid, gid }).toEqual({ mode: 0o640, ...owner });
      else expect(mode & 0o027).toBe(0);
    }
  }
  expect(leftovers).toBeGreaterThan(0);
  await aSink().write(delivery, going);
  expect(readdirSync(directory)).toEqual(['app.env']);
});

test('what another sink is just writing beside it is not taken for a leftover', async () => {
  const beside = aSink('beside.env');
  for (let round = 0; round < 50; round += 1) {
    await Promise.all([aSink().write(delivery, going), beside.write(delivery, going)]);
  }
  expect(readdirSync(directory).sort()).toEqual(['app.env', 'beside.env']);
});

describe('what was left behind', () => {
  const leftover = (name: string) => {
    const tag = createHash('sha256').update(name).digest('hex').slice(0, 16);
    return join(directory, `.leasekeeper-${tag}-${randomBytes(12).toString('hex')}`);
  };

  test('goes also where other files of the directory were written before its own is configured', async () => {
    await aSink('beside.env').write(delivery, going);
    writeFileSync(leftover('app.env'), 'A=OLD');
    await aSink().write(delivery, going);
    expect(readdirSync(directory).sort()).toEqual(['app.env', 'beside.env']);
  });

  test('goes when it can, where it could not at first', async () => {
    const stubborn = leftover('app.env');
    mkdirSync(stubborn);
    const sink = aSink();
    await sink.write(delivery, going);
    expect(readdirSync(directory)).toHaveLength(2);
    rmdirSync(stubborn);
    writeFileSync(stubborn, 'A=OLD');
    await sink.write(delivery, going);
    expect(readdirSync(directory)).toEqual(['app.env']);
  });

  test('goes also with what is removed', async () => {
    const sink = aSink();
    writeFileSync(leftover('app.env'), 'A=OLD');
    await sink.remove?.(going);
    expect(readdirSync(directory)).toEqual([]);
  });
});
