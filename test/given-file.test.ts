/** Files that the configuration points to, where something else lies. */
import { execFileSync } from 'node:child_process';
import { closeSync, constants, openSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { steadyClock } from '../src/clock.ts';
import { readCredential } from '../src/config/credential.ts';
import { readGivenFile } from '../src/given-file.ts';
import { caller } from '../src/http/caller.ts';
import { reach } from '../src/sinks/kubernetes/reach.ts';
import { withRedis } from '../src/sinks/redis/connection.ts';
import { readKeyFile } from '../src/sources/yandex/authorized-key.ts';
import { connect } from '../src/state/redis.ts';

let folder: string;
let file: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'leasekeeper-given-'));
  file = join(folder, 'given');
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const signal = new AbortController().signal;

const never = () => Promise.reject(new Error('it was reached'));
const readers: readonly [string, () => Promise<unknown>][] = [
  ['a credential', () => readCredential({ file }, {})],
  ['an authorized key', () => readKeyFile(file)],
  [
    'a CA',
    async () => {
      const http = caller({ url: 'https://127.0.0.1:1', tls: { ca: file } }, { env: {}, clock: steadyClock() });
      await http.reach(signal).finally(() => http.close());
    },
  ],
  ["a Redis's CA", () => withRedis({ url: 'rediss://127.0.0.1:1', tls: { ca: file }, timeout: 99 }, {}, signal, never)],
  ["our own Redis's CA", () => connect({ place: { url: 'rediss://127.0.0.1:1', tls: { ca: file } }, prefix: 'test' })],
  ['a kubeconfig', () => reach({ kubeconfig: file }, {}, folder)],
];

describe('a pipe that nobody writes to, in the place of', () => {
  // Whoever waits for it goes on then.
  afterEach(() => closeSync(openSync(file, constants.O_RDWR)));

  it.each(readers)('%s is refused and not waited for', async (_, read) => {
    execFileSync('mkfifo', [file]);
    await expect(read()).rejects.toThrow(/given (for Redis )?cannot be read: it is a pipe or a device$/);
  });

  it('credentials leaves all other files readable', async () => {
    execFileSync('mkfifo', [file]);
    const asked = Array.from({ length: 8 }, () => readCredential({ file }, {}).catch((error: Error) => error.message));
    await writeFile(join(folder, 'other'), 'read');
    expect(await readFile(join(folder, 'other'), 'utf8')).toBe('read');
    expect(new Set(await Promise.all(asked))).toEqual(
      new Set([`the credential file ${file} cannot be read: it is a pipe or a device`]),
    );
  });
});

describe('a file', () => {
  it('is read whole, as it is now', async () => {
    await writeFile(file, 'one');
    expect(String(await readGivenFile(file))).toBe('one');
    await writeFile(file, 'another');
    expect(String(await readGivenFile(file))).toBe('another');
  });

  it.each([
    ['that is not there', async () => undefined, 'ENOENT'],
    ['that is a directory', () => mkdir(file), 'EISDIR'],
    [
      'that is longer than any',
      () => writeFile(file, '').then(() => truncate(file, 2 ** 30)),
      'it is longer than 16 MiB',
    ],
  ])('%s is refused', async (_, make, message) => {
    await make();
    await expect(readGivenFile(file)).rejects.toThrow(message);
  });
});
