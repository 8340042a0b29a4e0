/** The control socket as a lock between real processes, and as a way to talk to the one that has it. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { createConnection, createServer, Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { build } from 'esbuild';
import { afterAll, beforeAll, describe, expect, onTestFinished, test, vi } from 'vitest';
import { acquireLock, ask, type ControlRequest, type Lock } from '../../src/state/control-socket.ts';

let scratch: string;
let taker: string;
beforeAll(async () => {
  scratch = await mkdtemp(join(tmpdir(), 'lk-control-'));
  taker = join(scratch, 'taker.mjs');
  // A bundle starts several times faster than the sources: twenty of them are to start at once.
  await build({
    entryPoints: ['test/support/lock-taker.ts'],
    bundle: true,
    platform: 'node',
    format: 'esm',
    outfile: taker,
  });
});
afterAll(() => rm(scratch, { recursive: true, force: true }));

const aDirectory = () => mkdtemp(join(scratch, 'data-'));

const anEcho = async (request: ControlRequest): Promise<unknown> => {
  if (request.op === 'once') throw new Error('it failed: orders-db was not delivered');
  return { asked: request };
};

async function held(dataDir: string, onRequest = anEcho): Promise<Lock & { isHeld: true }> {
  const lock = await acquireLock(dataDir, { pid: process.pid, onRequest });
  if (!lock.isHeld) throw new Error(`held by ${lock.heldBy}`);
  onTestFinished(() => lock.release());
  return lock;
}

interface Taker {
  readonly child: ChildProcess;
  go(): void;
  readonly outcome: Promise<{ readonly isHeld: boolean; readonly heldBy?: number }>;
}

async function aTaker(dataDir: string): Promise<Taker> {
  const child = spawn(process.execPath, [taker, dataDir], { stdio: ['pipe', 'pipe', 'inherit'] });
  onTestFinished(async () => {
    if (child.exitCode === null && child.signalCode === null) {
      child.kill('SIGKILL');
      await once(child, 'exit');
    }
  });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  await lines.next();
  const outcome = lines.next().then(({ value }) => JSON.parse(String(value ?? '{"isHeld":false}')));
  return { child, go: () => child.stdin.write('go\n'), outcome };
}

describe('the control socket as a lock', () => {
  test('is held by one at a time, and free again when it is released', async () => {
    const dataDir = await aDirectory();
    const first = await held(dataDir);
    const refused = { isHeld: false, heldBy: process.pid };
    expect(await acquireLock(dataDir, { pid: 1, onRequest: anEcho })).toEqual(refused);
    await first.release();
    await held(dataDir);
    expect(await acquireLock(dataDir, { pid: 1, onRequest: anEcho })).toEqual(refused);
  });

  test('goes to exactly one of twenty processes that start at once, and again to one when that was killed', async () => {
    const dataDir = await aDirectory();
    for (const round of [1, 2]) {
      const takers = await Promise.all(Array.from({ length: round === 1 ? 20 : 8 }, () => aTaker(dataDir)));
      for (const one of takers) one.go();
      const outcomes = await Promise.all(takers.map(({ outcome }) => outcome));
      const winners = takers.filter((_, i) => outcomes[i]?.isHeld);
      expect(winners).toHaveLength(1);
      const pid = winners[0]?.child.pid;
      for (const outcome of outcomes) if (!outcome.isHeld) expect(outcome.heldBy).toBe(pid);
      winners[0]?.child.kill('SIGKILL');
      if (winners[0]) await once(winners[0].child, 'exit');
    }
  });

  test('goes to one of many in a process that race for a stale one, again and again', async () => {
    const dataDir = await aDirectory();
    for (let round = 0; round < 30; round++) {
      const locks = await Promise.all(
        Array.from({ length: 12 }, () => acquireLock(dataDir, { pid: process.pid, onRequest: anEcho })),
      );
      const winners = locks.filter((lock) => lock.isHeld);
      expect(winners).toHaveLength(1);
      await Promise.all(winners.map((lock) => lock.isHeld && lock.release()));
    }
    expect((await readdir(dataDir)).filter((name) => name.startsWith('control.'))).toHaveLength(1);
  });

  test('is not given away while its holder is stopped and says nothing', async () => {
    const dataDir = await aDirectory();
    const holder = await aTaker(dataDir);
    holder.go();
    expect(await holder.outcome).toEqual({ isHeld: true });
    holder.child.kill('SIGSTOP');
    expect(await acquireLock(dataDir, { pid: 1, onRequest: anEcho })).toEqual({ isHeld: false, heldBy: 0 });
  });

  test('is for its owner only', async () => {
    const dataDir = join(await aDirectory(), 'made', 'for-us');
    await held(dataDir);
    expect((await stat(dataDir)).mode & 0o777).toBe(0o700);
    expect((await stat(join(dataDir, 'control.1.sock'))).mode & 0o777).toBe(0o600);
  });

  test('is near the data directory where that has too long a path, and says so where it cannot be', async () => {
    const dataDir = join(await aDirectory(), 'x'.repeat(100));
    await expect(acquireLock(dataDir, { pid: 1, onRequest: anEcho })).rejects.toThrow('XDG_RUNTIME_DIR');
    const runtimeDir = await aDirectory();
    const lock = await acquireLock(dataDir, { pid: 7, onRequest: anEcho, runtimeDir });
    expect(lock.isHeld).toBe(true);
    expect(await ask(dataDir, { op: 'ping' }, 5_000, runtimeDir)).toEqual({ pid: 7 });
    if (lock.isHeld) await lock.release();
  });

  test('says what is wrong with a data directory that cannot be one', async () => {
    const file = join(await aDirectory(), 'file');
    await writeFile(file, '');
    await expect(acquireLock(file, { pid: 1, onRequest: anEcho })).rejects.toThrow(file);
  });
});

describe('the control socket as a way to talk', () => {
  test('answers who asks, and who asks a second time over', async () => {
    const dataDir = await aDirectory();
    await held(dataDir);
    expect(await ask(dataDir, { op: 'ping' }, 5_000)).toEqual({ pid: process.pid });
    const status = { op: 'status', secret: 'orders-db' } as const;
    expect(await ask(dataDir, status, 5_000)).toEqual({ asked: status });
  });

  test('passes on in words why a request failed', async () => {
    const dataDir = await aDirectory();
    await held(dataDir);
    await expect(ask(dataDir, { op: 'once' }, 5_000)).rejects.toThrow('orders-db was not delivered');
  });

  test('answers that there is nobody where none ever was, and where the daemon is gone', async () => {
    const dataDir = await aDirectory();
    expect(await ask(dataDir, { op: 'ping' }, 5_000)).toBeUndefined();
    const lock = await held(dataDir);
    await lock.release();
    expect(await ask(dataDir, { op: 'ping' }, 5_000)).toBeUndefined();
  });

  test('does not wait for an answer longer than it was told', async () => {
    const dataDir = await aDirectory();
    await held(dataDir, () => new Promise(() => undefined));
    await expect(ask(dataDir, { op: 'status' }, 50)).rejects.toThrow('in time');
  });

  test('survives who sends nonsense, and who sends without end', async () => {
    const dataDir = await aDirectory();
    await held(dataDir);
    const socket = join(dataDir, 'control.1.sock');
    const nonsense = createConnection(socket);
    nonsense.write('{"op":"drop tables"}\nnot json\n');
    const [answer] = await once(nonsense, 'data');
    expect(String(answer)).toContain('does not know this request');
    nonsense.destroy();
    const endless = createConnection(socket);
    endless.on('error', () => undefined);
    const cutOff = new Promise((resolve) => endless.once('close', resolve));
    endless.write('x'.repeat(1 << 20));
    await cutOff;
    expect(await ask(dataDir, { op: 'ping' }, 5_000)).toEqual({ pid: process.pid });
  });

  test('says that a daemon is silent where somebody listens who never answers', async () => {
    const dataDir = await aDirectory();
    const server = createServer(() => undefined).listen(join(dataDir, 'control.1.sock'));
    await once(server, 'listening');
    onTestFinished(() => void server.close());
    await expect(ask(dataDir, { op: 'ping' }, 50)).rejects.toThrow('in time');
  });
});

test('connections that the machine cannot accept, one after the other, end nothing: the next is answered', async () => {
  const listening = vi.spyOn(Server.prototype, 'listen');
  onTestFinished(() => listening.mockRestore());
  const directory = await aDirectory();
  await held(directory);
  const [server] = listening.mock.contexts as Server[];
  const tooMany = Object.assign(new Error('accept ENFILE'), { code: 'ENFILE', syscall: 'accept' });
  for (let i = 0; i < 3; i++) expect(server?.emit('error', tooMany)).toBe(true);
  expect(await ask(directory, { op: 'status' }, 5_000)).toEqual({ asked: { op: 'status' } });
});
