/** What others do to files that we wrote is found within the hour, and mended, without a new lease. */
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { minutes } from '../../src/core/time.ts';
import { directorySink } from '../../src/sinks/directory.ts';
import { fileSink } from '../../src/sinks/file.ts';
import type { Sink } from '../../src/sinks/sink.ts';
import { aSource, Stage } from './stage.ts';

let top: string;
beforeEach(() => {
  top = mkdtempSync(join(tmpdir(), 'leasekeeper-drift-'));
});
afterEach(() => rmSync(top, { recursive: true }));

const key = Buffer.alloc(32, 7);

/** A keeper with that sink, whose every call is waited for although time is only steered. */
async function keeping(sink: Sink) {
  const stage = new Stage();
  const asked: string[] = [];
  let busy = 0;
  const watched = <A extends unknown[], R>(name: string, call: ((...args: A) => Promise<R>) | undefined) =>
    call && {
      [name]: async (...args: A) => {
        asked.push(name);
        busy += 1;
        return call(...args).finally(() => {
          busy -= 1;
        });
      },
    };
  // Time does not go on while a real file is being worked on: the call's deadline would be over at once.
  const rest = stage.rest.bind(stage);
  stage.rest = async () => {
    for (let quiet = 0; quiet < 2; quiet += 1) {
      await rest();
      while (busy > 0) {
        quiet = 0;
        await sleep(1);
      }
    }
  };
  const settle = (end = stage.now) => stage.until(end);
  const parts = {
    ...watched('check', sink.check),
    ...watched('isTaken', sink.isTaken),
    ...watched('holds', sink.holds),
    ...watched('write', sink.write),
  };
  const source = aSource(stage);
  stage.add({ source, sinks: { place: { ...sink, ...parts } }, sinkTypes: { place: 'file' } });
  await settle();
  return { stage, settle, asked, source };
}

async function isMended(sink: Sink, spoil: () => void, isWell: () => boolean): Promise<void> {
  const { stage, settle, asked, source } = await keeping(sink);
  expect(isWell()).toBe(true);
  expect(asked.filter((call) => call === 'write')).toHaveLength(1);
  await settle(stage.now + minutes(10));
  spoil();
  expect(isWell()).toBe(false);
  await settle(stage.now + minutes(45));
  expect(isWell()).toBe(false);
  await settle(stage.now + minutes(6));
  await settle(stage.now + minutes(1));
  expect(isWell()).toBe(true);
  expect(asked.filter((call) => call === 'write')).toHaveLength(2);
  expect(source.asked.filter((call) => call.startsWith('acquire'))).toHaveLength(1);
  const { sinks } = await stage.record();
  expect(sinks['place']?.has).toMatchObject({ reloaded: true });
  expect(stage.thrown).toEqual([]);
}

describe('a file', () => {
  const path = () => join(top, 'app.env');
  const isWell = () => {
    try {
      const isFile = statSync(path()).isFile() && !readdirSync(top).includes('away');
      return (
        isFile && (statSync(path()).mode & 0o7777) === 0o600 && readFileSync(path(), 'utf8') === "value='VALUE-l1'\n"
      );
    } catch {
      return false;
    }
  };

  test.each<[string, () => void]>([
    ['deleted', () => unlinkSync(path())],
    ['changed', () => writeFileSync(path(), "value='VALUE-l2'\n")],
    ['opened to all', () => chmodSync(path(), 0o644)],
    ['lost with its directory', () => rmSync(top, { recursive: true })],
  ])('that was %s is written again within the hour', async (_, spoil) => {
    await isMended(
      fileSink({ path: path(), format: 'dotenv', keys: 'all', mode: 0o600, parents: 0o700 }, key),
      spoil,
      isWell,
    );
  });

  test('that nobody touched is only looked at', async () => {
    const { stage, settle, asked } = await keeping(
      fileSink({ path: path(), format: 'dotenv', keys: 'all', mode: 0o600 }, key),
    );
    const { ino, mtimeMs } = statSync(path());
    for (let hour = 0; hour < 3; hour += 1) await settle(stage.now + minutes(61));
    expect(asked.filter((call) => call === 'write')).toHaveLength(1);
    expect(asked.filter((call) => call === 'holds').length).toBeGreaterThanOrEqual(2);
    expect(statSync(path())).toMatchObject({ ino, mtimeMs });
  });
});

describe('a directory', () => {
  const path = () => join(top, 'set');
  const at = (name: string) => join(path(), name);
  const data = () => join(path(), readlinkSync(at('..data')));
  const isWell = () => {
    try {
      const isRight = readlinkSync(at('value')) === '..data/value' && readdirSync(data()).length === 1;
      const { mode } = statSync(at('value'));
      return isRight && (mode & 0o7777) === 0o600 && readFileSync(at('value'), 'utf8') === 'VALUE-l1';
    } catch {
      return false;
    }
  };

  test.each<[string, () => void]>([
    ['a file was deleted', () => unlinkSync(join(data(), 'value'))],
    ['a file was changed', () => writeFileSync(join(data(), 'value'), 'VALUE-l2')],
    ['a file was opened to all', () => chmodSync(join(data(), 'value'), 0o644)],
    ['a name was deleted', () => unlinkSync(at('value'))],
    [
      'its link was replaced',
      () => {
        const other = `..leasekeeper-${'0'.repeat(24)}`;
        mkdirSync(at(other));
        symlinkSync(other, at('new'));
        renameSync(at('new'), at('..data'));
      },
    ],
    ['all of it is gone', () => rmSync(path(), { recursive: true })],
  ])('in which %s is written again within the hour', async (_, spoil) => {
    await isMended(directorySink({ path: path(), keys: 'all', mode: 0o600, parents: 0o700 }, key, 0), spoil, isWell);
  });
});
