/** The sink suite on every sink: in memory, and as a file: with all rights, as a user with none, on a disk of its own. */
import { existsSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { bundled } from '../support/program.ts';
import {
  aFileSubject,
  spoils,
  spoilsOfRoot,
  spoilsOfUnmounted,
  troubles,
  troublesOfAtomic,
  troublesOfDisks,
  troublesOfMounts,
  troublesOfOthers,
} from './fixtures/sink-file.ts';
import { aMemorySubject } from './fixtures/sink-memory.ts';
import { aDirectory, aSinkProcess, canMount, isRoot, type SinkProcess, unprivileged } from './fixtures/sink-process.ts';
import { sinkSuite } from './sink-suite.ts';

const reader = bundled(join(import.meta.dirname, 'fixtures', 'sink-reader.ts'));
// In memory where there is such a place: thousands of rewrites are thousands of waits for a disk.
const quick = aDirectory(existsSync('/dev/shm') ? '/dev/shm' : undefined);
const top = aDirectory();
const disk = aDirectory();
let apart: SinkProcess;
let onDisk: SinkProcess | undefined;

beforeAll(async () => {
  apart = await aSinkProcess();
  if (canMount) onDisk = await aSinkProcess(disk);
});
afterAll(async () => {
  await apart.end();
  await onDisk?.end();
  for (const directory of [quick, top, disk]) rmSync(directory, { recursive: true });
});

/** As root we can do what the process apart could not do by itself: give it a directory. */
const rights = isRoot ? { uid: unprivileged } : {};

sinkSuite('memory', { open: aMemorySubject, rewrites: 2_000, troubles: {}, spoils: {} });

sinkSuite(`file, as the uid of the tests (${process.getuid?.()})`, {
  open: () => aFileSubject({ top: quick, reader }),
  rewrites: 2_000,
  troubles: { ...troubles, ...(isRoot ? {} : troublesOfOthers) },
  spoils: { ...spoils, ...spoilsOfUnmounted, ...(isRoot ? spoilsOfRoot : {}) },
});

sinkSuite(`file, as uid ${unprivileged} without any rights`, {
  open: () => aFileSubject({ top, reader, process: apart, ...rights, mode: 0o600 }),
  rewrites: 100,
  troubles: { ...troubles, ...troublesOfOthers },
  spoils: { ...spoils, ...spoilsOfUnmounted, ...(isRoot ? spoilsOfRoot : {}) },
});

sinkSuite('file, written in place', {
  open: () => aFileSubject({ top: quick, reader, write: 'in-place' }),
  troubles,
  spoils: { ...spoils, ...spoilsOfUnmounted, ...(isRoot ? spoilsOfRoot : {}) },
});

if (canMount) {
  const there = () => {
    if (!onDisk) throw new Error('the process with a disk of its own did not start');
    return { top: disk, reader, process: onDisk, ...rights };
  };
  sinkSuite('file, on a small disk of its own', {
    open: () => aFileSubject({ ...there(), write: 'atomic' }),
    rewrites: 500,
    troubles: { ...troublesOfDisks, ...troublesOfMounts, ...troublesOfAtomic },
    spoils: { ...spoils, ...spoilsOfUnmounted },
  });
  sinkSuite('file, mounted by itself', {
    open: () => aFileSubject({ ...there(), isMounted: true }),
    troubles: troublesOfDisks,
    // It was begun to be written into.
    unsure: ['the disk is full'],
    spoils,
  });
} else {
  describe('the sink file, WITHOUT a small disk of its own', () => {
    test('ran neither on a full nor on a read-only disk, since this user may not mount', () =>
      expect(canMount).toBe(false));
  });
}
