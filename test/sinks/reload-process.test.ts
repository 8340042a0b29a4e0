/** A signal reaches every process of a name, its workers excepted, and never ourselves. Real processes, and made-up ones. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { copyFileSync, existsSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, expect, test } from 'vitest';
import { type Running, running } from '../../src/sinks/processes.ts';
import { signalByName, type View } from '../../src/sinks/reload-process.ts';
import { aDirectory } from '../conformance/fixtures/sink-process.ts';

const top = aDirectory();
afterAll(() => rmSync(top, { recursive: true }));
const going = new AbortController().signal;
/** So that processes of the test are not taken for our own children. */
const somebody = { pid: 2 ** 30 };

const programs: ChildProcess[] = [];
afterEach(async () => {
  for (const program of programs.splice(0)) {
    if (program.exitCode !== null || program.signalCode !== null) continue;
    program.kill('SIGKILL');
    await once(program, 'exit');
  }
});

let count = 0;
/** A name that no other process of the machine has. */
const aName = () => `lk${process.pid}x${++count}`;

/** A shell under that name, which prints the signals that it gets; `start` may start others. */
async function aProgram(name: string, start = '') {
  const path = join(top, name);
  if (!existsSync(path)) copyFileSync('/bin/sh', path);
  const script = `trap "echo HUP" HUP; trap "echo USR1" USR1; ${start} echo ready; while :; do sleep 0.02 & wait $!; done`;
  const child = spawn(path, ['-c', script], { stdio: ['ignore', 'pipe', 'inherit'] });
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
  return { pid: child.pid ?? 0, printed };
}

const tell = (name: string, own = somebody, view?: View): Promise<string> =>
  signalByName({ signal: 'SIGHUP', process: name }, own, view)
    .run(going)
    .then(
      () => 'told',
      (error: Error) => error.message,
    );

test('every process of that name gets it, and none of another', async () => {
  const name = aName();
  const [one, two, other] = [await aProgram(name), await aProgram(name), await aProgram(`${name}y`)];
  expect(await tell(name)).toBe('told');
  expect(await one.printed('HUP')).toBe('ready\nHUP\n');
  expect(await two.printed('HUP')).toBe('ready\nHUP\n');
  // It is alive and got nothing: the signal that we send now is the first.
  process.kill(other.pid, 'SIGUSR1');
  expect(await other.printed('USR1\n')).toBe('ready\nUSR1\n');
});

test('a name that the system cuts off is known by what the process was started as', async () => {
  const name = `${aName()}-of-more-than-fifteen-letters`;
  const program = await aProgram(name);
  expect(running(program.pid)?.names).toEqual([name.slice(0, 15), name]);
  expect(await tell(name)).toBe('told');
  await program.printed('HUP');
  expect(await tell(name.slice(0, -1))).toBe(
    `there is no process called ${name.slice(0, -1)} that we can see: is it running?`,
  );
});

test('none that is there is a reason to try again', async () => {
  const name = aName();
  const error = await signalByName({ signal: 'SIGHUP', process: name }, somebody)
    .run(going)
    .catch((reason: unknown) => reason);
  expect(error).toMatchObject({ code: 'unavailable' });
});

test('what we have started ourselves is never told, nor are we', async () => {
  const name = aName();
  const program = await aProgram(name);
  const none = `there is no process called ${name} but us and what we have started`;
  expect(await tell(name, { pid: process.pid })).toBe(none);
  expect(await tell(name, { pid: program.pid })).toBe(none);
});

test('nothing is sent any more once we are stopping', async () => {
  const name = aName();
  await aProgram(name);
  const stopped = signalByName({ signal: 'SIGHUP', process: name }, somebody).run(AbortSignal.abort());
  await expect(stopped).rejects.toThrow('stopped before the signal was sent');
});

const made = (pid: number, parent: number, name: string, start = '1'): Running => ({
  pid,
  parent,
  start,
  names: [name],
});
/** A machine whose processes exist on paper: nobody may be signalled who is not said to be there twice. */
const paper = (first: readonly Running[], then: readonly Running[]): View => ({
  every: () => first,
  one: (pid) => then.find((one) => one.pid === pid),
});
/** No process has such an id. */
const far = 2 ** 29;

test('workers are left to their master, also where somebody stands between', async () => {
  const all = [made(far, 1, 'web'), made(far + 1, far, 'web'), made(far + 2, far, 'sh'), made(far + 3, far + 2, 'web')];
  expect(await tell('web', somebody, paper(all, all))).toBe(`process ${far}, web, cannot be signalled: ESRCH`);
});

test('one that we have started through another is ours', async () => {
  const all = [made(5, 1, 'leasekeeper'), made(far, 5, 'sh'), made(far + 1, far, 'web')];
  expect(await tell('web', { pid: 5 }, paper(all, all))).toMatch(/but us and what we have started$/);
});

test('our own workers do not hide a master, and a circle of parents is no end', async () => {
  const all = [made(far, far + 1, 'web'), made(far + 1, far, 'sh')];
  expect(await tell('web', somebody, paper(all, all))).toMatch(/cannot be signalled: ESRCH$/);
  const ours = [made(5, 1, 'web'), made(far, 5, 'web'), made(far + 1, 1, 'web')];
  expect(await tell('web', { pid: 5 }, paper(ours, ours))).toBe(`process ${far + 1}, web, cannot be signalled: ESRCH`);
});

test.each([
  ['has ended', []],
  ['has another start, and is another process', [made(far, 1, 'web', '2')]],
  ['is another program by now', [made(far, 1, 'sh')]],
])('one that %s when its turn comes is not told, and the others are', async (_, then) => {
  const all = [made(far, 1, 'web'), made(far + 1, 1, 'web')];
  const rest = made(far + 1, 1, 'web');
  expect(await tell('web', somebody, paper(all, [...then, rest]))).toBe(
    `process ${far}, web, has just ended; process ${far + 1}, web, cannot be signalled: ESRCH`,
  );
});

test('process 1 is told where it has that name', async () => {
  const kill = process.kill;
  const sent: unknown[] = [];
  process.kill = (...args) => {
    sent.push(args);
    return true;
  };
  try {
    expect(await tell('web', somebody, paper([made(1, 0, 'web')], [made(1, 0, 'web')]))).toBe('told');
    expect(sent).toEqual([[1, 'SIGHUP']]);
    expect(await tell('web', somebody, paper([made(1, 0, 'pause')], [made(1, 0, 'pause')]))).not.toBe('told');
  } finally {
    process.kill = kill;
  }
});
