/** The machine that is measured on: what it is, what processes take of it, and how much others take meanwhile. */
import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { availableParallelism, cpus, loadavg, totalmem } from 'node:os';

export function machineFacts(): readonly string[] {
  const { stdout } = spawnSync('redis-server', ['--version'], { encoding: 'utf8' });
  const redis = /v=(\S+)/.exec(stdout ?? '')?.[1] ?? 'unknown';
  const gib = (totalmem() / 2 ** 30).toFixed(1);
  return [
    `${availableParallelism()} cores (${cpus()[0]?.model.trim() ?? 'unknown'}), ${gib} GiB, ${process.platform}`,
    `Node ${process.versions.node}, redis-server ${redis}`,
    `load average ${loadavg()
      .map((load) => load.toFixed(2))
      .join(' ')}`,
  ];
}

/** `undefined` where the process is gone, or the system has no /proc. */
const procFile = (path: string): string | undefined => {
  try {
    return readFileSync(`/proc/${path}`, 'utf8');
  } catch {
    return undefined;
  }
};

export interface Memory {
  /** In MiB. */
  readonly resident: number;
  /** The most that it ever was, in MiB. */
  readonly peak: number;
}

export function memoryOf(pid: number): Memory {
  const status = procFile(`${pid}/status`) ?? '';
  const mib = (field: string) => Number(new RegExp(`^${field}:\\s+(\\d+) kB`, 'm').exec(status)?.[1]) / 1024;
  return { resident: mib('VmRSS'), peak: mib('VmHWM') };
}

/** The kernel counts in hundredths of a second, whatever its own clock. */
const tick = 10;

/** So much of the processor a process took so far, in milliseconds; with the children that ended, where wanted. */
export function cpuTimeOf(pid: number, withChildren = false): number {
  const fields = statOf(pid);
  // After the name: state, parent, … user, system, and those of the children that were waited for.
  const own = Number(fields?.[11] ?? 0) + Number(fields?.[12] ?? 0);
  const children = Number(fields?.[13] ?? 0) + Number(fields?.[14] ?? 0);
  return (own + (withChildren ? children : 0)) * tick;
}

const statOf = (pid: number): readonly string[] | undefined =>
  procFile(`${pid}/stat`)
    ?.replace(/^.*\) /s, '')
    .split(' ');

/** Us and everybody whom we started, directly or not. */
function family(): readonly number[] {
  const parents = new Map(
    readdirSync('/proc')
      .filter((name) => /^\d+$/.test(name))
      .map((name) => [Number(name), Number(statOf(Number(name))?.[1])] as const),
  );
  const found = [process.pid];
  for (const known of found) for (const [pid, parent] of parents) if (parent === known) found.push(pid);
  return found;
}

/** Begin to watch; the answer tells, when called, which share of all cores others took since: 0 to 1. `NaN`: nobody knows. */
export function watchOthers(): () => number {
  const take = () => {
    const [line = ''] = (procFile('stat') ?? '').split('\n', 1);
    const [, ...ticks] = line.split(/\s+/).map(Number);
    // user nice system idle iowait irq softirq steal; the guests are in user already.
    const all = ticks.slice(0, 8).reduce((sum, each) => sum + each, 0) * tick;
    const idle = ((ticks[3] ?? 0) + (ticks[4] ?? 0)) * tick;
    const ours = process.platform === 'linux' ? family().reduce((sum, pid) => sum + cpuTimeOf(pid, true), 0) : 0;
    return { all, busy: all - idle, ours };
  };
  const before = take();
  return () => {
    const after = take();
    const others = after.busy - before.busy - (after.ours - before.ours);
    return Math.max(0, others / (after.all - before.all));
  };
}
