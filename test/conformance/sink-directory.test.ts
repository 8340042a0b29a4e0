/** The sink suite on sets of files: with all rights, as a user with none, on a disk of its own. */
import { existsSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { bundled } from '../support/program.ts';
import { aDirectorySubject, spoils, spoilsOfRoot, troubles, troublesOfOthers } from './fixtures/sink-directory.ts';
import { troublesOfDisks, troublesOfMounts } from './fixtures/sink-file.ts';
import { aDirectory, aSinkProcess, canMount, isRoot, type SinkProcess, unprivileged } from './fixtures/sink-process.ts';
import { sinkSuite } from './sink-suite.ts';

const reader = bundled(join(import.meta.dirname, 'fixtures', 'sink-set-reader.ts'));
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

const rights = isRoot ? { uid: unprivileged } : {};

sinkSuite(`directory, as the uid of the tests (${process.getuid?.()})`, {
  open: () => aDirectorySubject({ top: quick, reader }),
  rewrites: 200,
  troubles: { ...troubles, ...(isRoot ? {} : troublesOfOthers) },
  spoils: { ...spoils, ...(isRoot ? spoilsOfRoot : {}) },
});

sinkSuite(`directory, as uid ${unprivileged} without any rights`, {
  open: () => aDirectorySubject({ top, reader, process: apart, ...rights }),
  rewrites: 40,
  troubles: { ...troubles, ...troublesOfOthers },
  spoils: { ...spoils, ...(isRoot ? spoilsOfRoot : {}) },
});

if (canMount) {
  sinkSuite('directory, on a small disk of its own', {
    open: () => {
      if (!onDisk) throw new Error('the process with a disk of its own did not start');
      return aDirectorySubject({ top: disk, reader, process: onDisk, ...rights });
    },
    rewrites: 200,
    troubles: { ...troublesOfDisks, ...troublesOfMounts },
    spoils: {},
  });
} else {
  describe('the sink directory, WITHOUT a small disk of its own', () => {
    test('ran neither on a full nor on a read-only disk, since this user may not mount', () =>
      expect(canMount).toBe(false));
  });
}
