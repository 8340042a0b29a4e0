/** A file that is written into as it lies there: it stays the same file, and whatever is not whole is found and mended. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  chownSync,
  linkSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { afterAll, beforeEach, describe, expect, test } from 'vitest';
import { understand } from '../../src/config/load.ts';
import { type FileOptions, fileSink } from '../../src/sinks/file.ts';
import type { Sink } from '../../src/sinks/sink.ts';
import { provider } from '../config/build.ts';
import { aDirectory, aSinkProcess, canMount, isRoot } from '../conformance/fixtures/sink-process.ts';
import { bundled } from '../support/program.ts';
import { aDelivery as delivery } from '../support/sink-parts.ts';

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
const key = Buffer.alloc(32);
const aSink = (change: Partial<FileOptions> = {}) =>
  fileSink({ path, format: 'dotenv', keys: 'all', mode: 0o600, write: 'in-place', ...change }, key);
const wordsOf = (promise: Promise<unknown> | undefined): Promise<string> =>
  Promise.resolve(promise).then(
    () => 'it succeeded',
    (error: Error) => error.message,
  );

describe('in place', () => {
  test('it stays the same file, with other bytes, whether there are more of them or fewer', async () => {
    const sink = aSink({ mode: 0o640 });
    await sink.write(delivery({ A: 'first' }), going);
    const file = openSync(path, 'r');
    const { ino } = statSync(path);
    for (const value of ['longer than the first', 'short', '']) {
      const mark = await sink.write(delivery({ A: value }), going);
      expect(readFileSync(path, 'utf8')).toBe(`A='${value}'\n`);
      expect(statSync(path)).toMatchObject({ ino, mode: 0o100640 });
      expect(await sink.holds?.(mark, going)).toBe(true);
    }
    expect(readFileSync(file, 'utf8')).toBe("A=''\n");
    expect(readdirSync(directory)).toEqual(['app.env']);
  });

  test('what was somebody else’s, and open to all, has its owner and mode before it has a value', async () => {
    writeFileSync(path, 'x', { mode: 0o666 });
    await aSink().write(delivery({ A: '1' }), going);
    expect(statSync(path)).toMatchObject({ mode: 0o100600, uid: process.getuid?.(), gid: process.getgid?.() });
    expect(readFileSync(path, 'utf8')).toBe("A='1'\n");
  });

  test.each<[string, (other: string) => void, RegExp]>([
    ['a symbolic link', (other) => symlinkSync(other, path), /is a symbolic link/],
    ['a hard link', (other) => linkSync(other, path), /has other names \(hard links\)/],
  ])('nothing is ever written through %s', async (_, put, words) => {
    const other = join(directory, 'other');
    writeFileSync(other, 'of somebody else');
    put(other);
    for (const write of ['in-place', 'auto', 'atomic'] as const) {
      const sink = aSink({ write });
      for (const call of ['check', 'write', 'remove'] as const) {
        const done = call === 'write' ? sink.write(delivery(), going) : sink[call]?.(going);
        expect(await wordsOf(done)).toMatch(words);
      }
    }
    expect(readFileSync(other, 'utf8')).toBe('of somebody else');
  });

  test('nor through a link that takes its place in the middle of a write', async () => {
    const other = join(directory, 'other');
    writeFileSync(other, 'of somebody else');
    const swapping = `
      const { renameSync, symlinkSync, writeFileSync } = require('node:fs');
      const { parentPort, workerData: { path, other } } = require('node:worker_threads');
      parentPort.postMessage('begun');
      for (;;) {
        writeFileSync(path + '.file', 'x');
        renameSync(path + '.file', path);
        symlinkSync(other, path + '.link');
        renameSync(path + '.link', path);
      }`;
    const swapper = new Worker(swapping, { eval: true, workerData: { path, other } });
    await once(swapper, 'message');
    const said = new Set<string>();
    const hasSaid = (words: string) => [...said].some((one) => one.includes(words));
    // On a busy machine the swapper may win for long.
    for (let i = 0; i < 400 || !hasSaid('it succeeded') || !hasSaid('is a symbolic link'); i += 1) {
      said.add(await wordsOf(aSink().write(delivery(), going)));
    }
    await swapper.terminate();
    expect(readFileSync(other, 'utf8')).toBe('of somebody else');
  });

  test('whatever a writer that is killed in the middle leaves, nobody takes it for the values, and the next write mends it', async () => {
    const [older, newer] = ['x'.repeat(3_000), 'y'.repeat(5_000)];
    for (const [before, after] of [
      [older, newer],
      [newer, older],
    ] as const) {
      const first = await aSink().write(delivery({ A: before }), going);
      const old = readFileSync(path);
      const second = await aSink().write(delivery({ A: after }), going);
      const now = readFileSync(path);
      for (const [head, tail] of [
        [0, old.length + 1],
        [0, now.length],
        [1, now.length],
        [2_000, now.length],
        [2_000, old.length],
        [now.length, old.length],
      ] as const) {
        const left = Buffer.from([...old, ...now.subarray(old.length, tail)].slice(0, Math.max(head, tail)));
        now.copy(left, 0, 0, head);
        if (left.equals(old) || left.equals(now)) continue;
        writeFileSync(path, left);
        expect(await aSink().holds?.(first, going)).toBe(false);
        expect(await aSink().holds?.(second, going)).toBe(false);
        expect(await aSink().write(delivery({ A: after }), going)).toBe(second);
        expect(readFileSync(path).equals(now)).toBe(true);
      }
    }
  });

  test('where there is no room for more, all the old bytes are there', async () => {
    // Each time half a MiB more, and nobody there may have more than one and three quarters in a file.
    const limited = 'ulimit -f $((2 * 1024 * 7 / 4)); exec "$@"';
    const owner = { uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0 };
    const loop = [
      bundled(join(import.meta.dirname, 'file-loop.ts')),
      path,
      `${owner.uid}`,
      `${owner.gid}`,
      'in-place',
      `${2 ** 19}`,
    ];
    const writer = spawn('sh', ['-c', limited, 'sh', process.execPath, ...loop], {
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    const told: string[] = [];
    writer.stderr.on('data', (chunk) => told.push(String(chunk)));
    await once(writer, 'close');
    expect(told.join('')).toContain('EFBIG');
    expect(readFileSync(path, 'utf8') === `A='${'x'.repeat(2 ** 20 + 2 ** 19)}'\n`).toBe(true);
  });

  test('validate says what it costs', () => {
    const text = `version: 1
${provider}
secrets:
  db:
    source: { type: infisical/dynamic-secret, provider: main, project: shop, environment: prod, name: db }
    sinks: [{ type: file, path: /s/db.env, format: dotenv, write: in-place }, { type: file, path: /s/db.json, format: json }]
`;
    const result = understand(text, { file: 'x.yaml', env: { CLIENT_SECRET: 'x' } });
    if (!result.ok) throw new Error(JSON.stringify(result.problems));
    expect(result.warnings.map(({ path, message }) => [path, message])).toEqual([
      ['secrets.db.sinks[0].write', 'a reader may see it half written'],
    ]);
  });
});

describe('a file that is mounted by itself', () => {
  test(
    canMount
      ? 'is written in place by itself, emptied when it is removed, and said to be so where that is not allowed'
      : 'is NOT seen here, since this user may not mount',
    async () => {
      if (!canMount) return expect(canMount).toBe(false);
      const disk = aDirectory();
      const apart = await aSinkProcess(disk);
      try {
        const options = { path: join(disk, 'app.env'), format: 'dotenv', keys: 'all', mode: 0o600 } as const;
        const outer = (name: string) => `/proc/${apart.pid}/root${disk}/${name}`;
        const user = isRoot ? 'chown 65534:65534' : 'ls';
        apart.inside(`cd ${disk}; touch host.env app.env; ${user} host.env app.env; mount --bind host.env app.env`);
        await apart.sink(options).check?.(going);
        const mark = await apart.sink(options).write(delivery(), going);
        expect(readFileSync(outer('host.env'), 'utf8')).toBe("A='1'\n");
        expect(await apart.sink(options).holds?.(mark, going)).toBe(true);
        const refused = apart.sink({ ...options, write: 'atomic' }).write(delivery({ A: '2' }), going);
        expect(await wordsOf(refused)).toMatch(/is mounted by itself/);
        apart.inside(`mount --options-mode ignore -o remount,ro,bind ${disk}/app.env`);
        expect(await wordsOf(apart.sink(options).check?.(going))).toMatch(/is read-only/);
        apart.inside(`mount --options-mode ignore -o remount,rw,bind ${disk}/app.env`);
        await apart.sink(options).remove?.(going);
        expect(readFileSync(outer('host.env'), 'utf8')).toBe('');
        expect(await apart.sink(options).holds?.(mark, going)).toBe(false);
        apart.inside(`umount ${disk}/app.env`);
      } finally {
        await apart.end();
        rmSync(disk, { recursive: true });
      }
    },
  );
});

describe('a file that root has put there for us to write into', () => {
  const title = (words: string) => (isRoot ? words : `${words}: NOT seen here, since only root can put one there`);
  const withoutRights = async (work: (sink: (change?: Partial<FileOptions>) => Sink) => Promise<void>) => {
    if (!isRoot) return expect(isRoot).toBe(false);
    writeFileSync(path, 'x');
    const apart = await aSinkProcess();
    try {
      await work((change) =>
        apart.sink({ path, format: 'dotenv', keys: 'all', mode: 0o666, write: 'in-place', ...change }),
      );
    } finally {
      await apart.end();
    }
  };

  test(title('stays root’s where it has the mode that is asked for'), () =>
    withoutRights(async (sink) => {
      chmodSync(path, 0o666);
      await sink().check?.(going);
      const mark = await sink().write(delivery({ A: '1' }), going);
      expect(readFileSync(path, 'utf8')).toBe("A='1'\n");
      expect(statSync(path)).toMatchObject({ mode: 0o100666, uid: 0, gid: 0 });
      expect(await sink().holds?.(mark, going)).toBe(true);
    }),
  );

  test.each<[string, number, Partial<FileOptions>, string]>([
    ['it would be open to more than was asked for', 0, { mode: 0o600 }, '65534:65534 with mode 0600'],
    ['it is another user’s, who could read it', 12_345, {}, '65534:65534 with mode 0666'],
    ['another owner is asked for', 0, { owner: { uid: 7, gid: 8 } }, '7:8 with mode 0666'],
  ])(title('is refused, by a check as by a write, where %s'), (_, user, change, wanted) =>
    withoutRights(async (sink) => {
      chmodSync(path, 0o666);
      chownSync(path, user, user);
      const words =
        `${path} cannot be given to ${wanted} (EPERM): leasekeeper runs as 65534:65534; ` +
        `change it there, say owner: "${user}:${user}" and mode: "0666" where it is to stay as it is, ` +
        'or let it have CAP_CHOWN and CAP_FOWNER';
      expect(await wordsOf(sink(change).check?.(going))).toBe(words);
      expect(await wordsOf(sink(change).write(delivery(), going))).toBe(words);
      expect(readFileSync(path, 'utf8')).toBe('x');
    }),
  );
});

describe('directories on the way', () => {
  test('are made where a mode for them is given, by the first write and not by a check', async () => {
    const sink = aSink({ path: join(directory, 'a/b/app.env'), parents: 0o750, write: 'auto' });
    expect(await wordsOf(aSink({ path: join(directory, 'a/b/app.env') }).write(delivery(), going))).toMatch(/parents:/);
    await sink.check?.(going);
    expect(readdirSync(directory)).toEqual([]);
    const mark = await sink.write(delivery(), going);
    expect(statSync(join(directory, 'a')).mode & 0o7777).toBe(0o750);
    expect(readFileSync(join(directory, 'a/b/app.env'), 'utf8')).toBe("A='1'\n");
    expect(await sink.holds?.(mark, going)).toBe(true);
    rmSync(join(directory, 'a'), { recursive: true });
    expect(await sink.holds?.(mark, going)).toBe(false);
    expect(await sink.write(delivery(), going)).toBe(mark);
  });

  test('cannot be made where there is no place for them, which a check finds', async () => {
    writeFileSync(join(directory, 'a'), '');
    const sink = aSink({ path: join(directory, 'a/b/app.env'), parents: 0o750 });
    expect(await wordsOf(sink.check?.(going))).toMatch(/a\/b is not a directory/);
    expect(await wordsOf(sink.write(delivery(), going))).toMatch(/a\/b is not a directory/);
  });
});
