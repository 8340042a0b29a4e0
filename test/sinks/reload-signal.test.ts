/** A signal reaches the process that the pidfile means, and never another. Real processes, real pidfiles. */
import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readdirSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { LeaseError } from '../../src/core/failure.ts';
import { find, type Process, startedAt } from '../../src/sinks/processes.ts';
import { signal } from '../../src/sinks/reload-signal.ts';
import { aDirectory, isRoot } from '../conformance/fixtures/sink-process.ts';
import { bundled } from '../support/program.ts';

const top = aDirectory();
afterAll(() => rmSync(top, { recursive: true }));

const going = new AbortController().signal;
/** So that processes of the test are not taken for our own children. */
const somebody = { pid: 2 ** 30 };

let count = 0;
let pidFile: string;
const programs: ChildProcess[] = [];
beforeEach(() => {
  pidFile = join(top, `${++count}.pid`);
});
afterEach(async () => {
  for (const program of programs.splice(0)) {
    if (program.exitCode !== null || program.signalCode !== null) continue;
    program.kill('SIGKILL');
    await once(program, 'exit');
  }
});

interface Program {
  readonly child: ChildProcess;
  readonly pid: number;
  /** What it printed, once that is so much. */
  printed(text: string): Promise<string>;
}

/** Prints the name of each signal that it gets. */
async function aProgram(): Promise<Program> {
  const script = 'for s in HUP USR1; do trap "echo $s" $s; done; echo ready; while :; do sleep 0.02 & wait $!; done';
  const child = spawn('sh', ['-c', script], { stdio: ['ignore', 'pipe', 'inherit'] });
  programs.push(child);
  let text = '';
  child.stdout.on('data', (chunk) => {
    text += chunk;
  });
  const printed = async (wanted: string) => {
    while (!text.includes(wanted)) await once(child.stdout, 'data');
    return text;
  };
  await printed('ready\n');
  return { child, pid: child.pid ?? 0, printed };
}

const step = (look?: (pid: number) => Process | undefined, own = somebody, name: NodeJS.Signals = 'SIGHUP') =>
  signal({ signal: name, pidFile }, own, look);

const failureOf = (promise: Promise<void>): Promise<LeaseError> =>
  promise.then(
    () => Promise.reject(new Error('it succeeded')),
    (error: LeaseError) => error,
  );

/** It is alive and got nothing: the signal that we send now is the first. */
async function expectUntouched({ pid, printed }: Program): Promise<void> {
  process.kill(pid, 'SIGUSR1');
  expect(await printed('USR1\n')).toBe('ready\nUSR1\n');
}

test.each([
  (pid: number) => `${pid}`,
  (pid: number) => `${pid}\n`,
  (pid: number) => ` ${pid} \n/var/lib\n1700000000\n`,
])('the process gets it, whatever else stands in the pidfile (%#)', async (content) => {
  const program = await aProgram();
  writeFileSync(pidFile, content(program.pid));
  await step().run(going);
  expect(await program.printed('HUP\n')).toBe('ready\nHUP\n');
});

test('the pidfile is read each time: a program that was started anew is found', async () => {
  const hup = step();
  const [first, second] = [await aProgram(), await aProgram()];
  writeFileSync(pidFile, `${first.pid}`);
  await hup.run(going);
  await first.printed('HUP\n');
  await hup.run(going);
  await first.printed('HUP\nHUP\n');
  writeFileSync(pidFile, `${second.pid}`);
  await hup.run(going);
  expect(await second.printed('HUP\n')).toBe('ready\nHUP\n');
});

test('a program that does not run yet gets it once it does', async () => {
  const hup = step();
  expect(await failureOf(hup.run(going))).toMatchObject({
    code: 'unavailable',
    message: `there is no ${pidFile}: is the program running?`,
  });
  const program = await aProgram();
  writeFileSync(pidFile, `${program.pid}`);
  await hup.run(going);
  await program.printed('HUP\n');
});

describe('nobody gets it where', () => {
  test.each(['', '\n5', 'x', '-1', '-5', '0', '1.5', '12x', '0x10', '+7', '99999999999', 'NaN'])(
    'there is no process id in the file: %j',
    async (content) => {
      writeFileSync(pidFile, content);
      const error = await failureOf(step().run(going));
      expect(error).toMatchObject({
        code: 'unavailable',
        message: `there is no process id in the first line of ${pidFile}`,
      });
    },
  );

  test('the file names the first process of all, or ourselves', async () => {
    writeFileSync(pidFile, '1');
    expect((await failureOf(step().run(going))).message).toContain('the first of all');
    writeFileSync(pidFile, `${process.pid}`);
    expect((await failureOf(step(undefined, process).run(going))).message).toContain('leasekeeper itself');
  });

  test('the file names a process that we have started, such as the Redis of our own', async () => {
    const program = await aProgram();
    writeFileSync(pidFile, `${program.pid}`);
    expect((await failureOf(step(undefined, process).run(going))).message).toContain('leasekeeper itself has started');
    await expectUntouched(program);
  });

  test('the file names a thread of ourselves, or of another process: a signal to it would be one to the whole', async () => {
    let got = 0;
    const count = () => {
      got += 1;
    };
    process.on('SIGHUP', count);
    const script = 'process.on("SIGHUP", () => console.log("HUP")); console.log("ready"); process.stdin.resume()';
    const other = spawn(process.execPath, ['-e', script], { stdio: ['pipe', 'pipe', 'inherit'] });
    programs.push(other);
    const printed: string[] = [];
    other.stdout.on('data', (chunk) => printed.push(String(chunk)));
    await once(other.stdout, 'data');
    for (const pid of [process.pid, other.pid]) {
      const thread = readdirSync(`/proc/${pid}/task`).find((id) => id !== String(pid));
      writeFileSync(pidFile, String(thread));
      for (const own of [process, somebody]) {
        expect((await failureOf(step(undefined, own).run(going))).message).toContain(`there is no process ${thread}`);
      }
    }
    other.stdin.end();
    await once(other, 'close');
    process.off('SIGHUP', count);
    expect(got).toBe(0);
    expect(printed.join('')).toBe('ready\n');
  });

  test('the process has started long after the file was written, until somebody says that it is the one', async () => {
    const program = await aProgram();
    writeFileSync(pidFile, `${program.pid}`);
    utimesSync(pidFile, new Date(), new Date(Date.now() - 3_600_000));
    const error = await failureOf(step().run(going));
    expect(error).toMatchObject({
      code: 'unavailable',
      message: `process ${program.pid} has started after ${pidFile} was written, so that its id is another's by now: is the program running? If that is it, touch ${pidFile}`,
    });
    utimesSync(pidFile, new Date(), new Date());
    await step().run(going);
    expect(await program.printed('HUP\n')).toBe('ready\nHUP\n');
  });

  test('the process is not there', async () => {
    const { child, pid } = await aProgram();
    child.kill('SIGKILL');
    await once(child, 'exit');
    writeFileSync(pidFile, `${pid}`);
    const error = await failureOf(step().run(going));
    expect(error).toMatchObject({ code: 'unavailable', message: expect.stringContaining('is the program running?') });
  });

  test('the process has ended and nobody took notice yet', async () => {
    // It ends only once its parent has become a program that does not wait for children.
    const child = 'until grep -q "^Name:.sleep" /proc/$PPID/status; do :; done';
    const script = `sh -c '${child}' & echo $!; exec sleep 1000`;
    const parent = spawn('sh', ['-c', script], { stdio: ['ignore', 'pipe', 'inherit'] });
    programs.push(parent);
    const [pid] = await once(parent.stdout, 'data');
    while (!execFileSync('cat', [`/proc/${String(pid).trim()}/stat`]).includes(') Z ')) await new Promise(setImmediate);
    writeFileSync(pidFile, String(pid));
    expect((await failureOf(step().run(going))).message).toContain('is the program running?');
  });

  test('the file is a pipe that nobody writes to', async () => {
    execFileSync('mkfifo', [pidFile]);
    expect((await failureOf(step().run(going))).code).toBe('unavailable');
  });

  test('the file is a directory', async () => {
    mkdirSync(pidFile);
    expect((await failureOf(step().run(going))).message).toBe(`${pidFile} cannot be read: EISDIR`);
  });

  test('the process ends and another gets its id right before the signal', async () => {
    const program = await aProgram();
    writeFileSync(pidFile, `${program.pid}`);
    const starts = ['100', '200'];
    const error = await failureOf(step(() => ({ start: starts.shift() ?? '', parent: 1 })).run(going));
    expect(error).toMatchObject({ code: 'unavailable', message: expect.stringContaining('has just ended') });
    await expectUntouched(program);
  });

  test('the file changes while we look', async () => {
    const program = await aProgram();
    writeFileSync(pidFile, `${program.pid}`);
    const look = () => {
      writeFileSync(pidFile, '4194304');
      return { start: '1', parent: 1 };
    };
    expect((await failureOf(step(look).run(going))).message).toContain('is just being changed');
    await expectUntouched(program);
  });

  test('we are stopping', async () => {
    const program = await aProgram();
    writeFileSync(pidFile, `${program.pid}`);
    expect((await failureOf(step().run(AbortSignal.abort()))).message).toContain('stopped');
    await expectUntouched(program);
  });
});

describe('when a process has started', () => {
  const minute = 60_000;
  // We have started an hour after the boot, and it ten minutes after us.
  const one = { start: String(70 * 60 * 100), parent: 1 };
  const atBoot = 1_700_000_000_000;
  const us = { start: String(60 * 60 * 100), at: atBoot + 60 * minute };

  test.each([
    ['the clock has not been set', 0, 0],
    ['the clock was set forward after that: the boot seems to be later', 600, 0],
    ['the clock was set back between our start and its', -20, -20],
  ])('is known by the boot and by our own start: %s', (_, step, seen) => {
    const boot = atBoot + step * minute;
    expect(startedAt(one, { boot, us })).toBe(atBoot + (70 + seen) * minute);
  });

  test('is known of real ones', async () => {
    const before = Date.now();
    const { pid } = await aProgram();
    const found = find(pid);
    if (!found) throw new Error('it is not there');
    // The boot is told in whole seconds, and ticks are of ten milliseconds.
    expect(startedAt(found)).toBeGreaterThan(before - 2_000);
    expect(startedAt(found)).toBeLessThan(Date.now() + 20);
  });
});

describe('when an id is given to another process', () => {
  const unshare = [...(isRoot ? [] : ['-r']), '-pf', '--mount-proc', '--kill-child'];
  const canUnshare = spawnSync('unshare', [...unshare, 'true']).status === 0;
  const program = bundled(join(import.meta.dirname, 'reused-pid.ts'));

  test(
    canUnshare
      ? 'it is left alone, as long as the pidfile is the old one'
      : 'WITHOUT a real one: this user may have no ids of its own',
    () => {
      if (!canUnshare) return expect(canUnshare).toBe(false);
      const told = execFileSync('unshare', [...unshare, process.execPath, program, pidFile]);
      expect(JSON.parse(told.toString())).toEqual({
        isSameId: true,
        first: 'signalled',
        second: expect.stringMatching(
          /^process \d+ is not the one that .* meant: the program ended, and its id is another's now$/,
        ),
        isUntouched: true,
        afterNewPidFile: 'signalled',
      });
    },
  );
});
