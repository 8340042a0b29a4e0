/** Runs with process ids of its own: has a program end and another start under its very id, and tells what a step did. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { signal } from '../../src/sinks/reload-signal.ts';

const pidFile = process.argv[2] ?? '';
const going = new AbortController().signal;
const hup = signal({ signal: 'SIGHUP', pidFile }, { pid: 2 ** 30 });
const run = (): Promise<string> =>
  hup.run(going).then(
    () => 'signalled',
    (error: Error) => error.message,
  );

/** Ends by the signal, as most programs do that do not expect it. */
async function aProgram(): Promise<ChildProcess> {
  const child = spawn('sh', ['-c', 'echo; exec sleep 1000'], { stdio: ['ignore', 'pipe', 'inherit'] });
  await once(child.stdout, 'data');
  return child;
}

const former = await aProgram();
writeFileSync(pidFile, `${former.pid}`);
const first = await run();
await once(former, 'exit');

let latter: ChildProcess;
let tries = 0;
do {
  writeFileSync('/proc/sys/kernel/ns_last_pid', String((former.pid ?? 0) - 1));
  latter = await aProgram();
  tries += 1;
} while (latter.pid !== former.pid && tries < 50);

const second = await run();
const isUntouched = latter.exitCode === null && latter.signalCode === null && latter.kill(0);
writeFileSync(pidFile, `${latter.pid}`);
const afterNewPidFile = await run();
const [, ended] = await once(latter, 'exit');
process.stdout.write(
  JSON.stringify({
    isSameId: latter.pid === former.pid,
    first,
    second,
    isUntouched: isUntouched && ended === 'SIGHUP',
    afterNewPidFile,
  }),
);
process.exit();
