/** A reload step: a signal to every process of a name, where we share a process namespace with it. */
import { LeaseError } from '../core/failure.ts';
import type { SinkDeps } from './define.ts';
import { everyProcess, type Running, running } from './processes.ts';
import type { ReloadStep } from './reload.ts';

export interface NamedTarget {
  readonly signal: NodeJS.Signals;
  /** As the system calls it, or as the last part of what it was started as: exactly. */
  readonly process: string;
}

/** What we see of the machine. */
export interface View {
  readonly every: () => readonly Running[];
  readonly one: (pid: number) => Running | undefined;
}

/**
 * Those that one of the same name has started are left to that one: workers are told by their master. Never signalled
 * are ourselves and whatever we have started. None found: it may just not run yet; `unavailable`, and tried again.
 */
export function signalByName(
  { signal, process: name }: NamedTarget,
  { pid: ownPid }: Pick<SinkDeps, 'pid'>,
  view: View = { every: everyProcess, one: running },
): ReloadStep {
  return {
    async run(abort) {
      const all = new Map(view.every().map((one) => [one.pid, one]));
      const called = [...all.values()].filter((one) => one.names.includes(name));
      const others = called.filter((one) => ![one.pid, ...ancestorsOf(one, all)].includes(ownPid));
      const found = others.filter(
        (one) => !ancestorsOf(one, all).some((pid) => others.some((each) => each.pid === pid)),
      );
      if (found.length === 0) {
        const why = called.length > 0 ? 'but us and what we have started' : 'that we can see: is it running?';
        throw no(`there is no process called ${name} ${why}`);
      }
      if (abort.aborted) throw no('stopped before the signal was sent');
      const faults = found.flatMap((one) => send(one) ?? []);
      if (faults.length > 0) throw no(faults.join('; '));
    },
  };

  /** Answers with what kept us from it. */
  function send({ pid, start }: Running): string | undefined {
    // Nothing may come between this look and the signal: its id may be another's by now.
    const present = view.one(pid);
    if (present?.start !== start || !present.names.includes(name)) return `process ${pid}, ${name}, has just ended`;
    try {
      process.kill(pid, signal);
      return undefined;
    } catch (error) {
      return `process ${pid}, ${name}, cannot be signalled: ${(error as NodeJS.ErrnoException).code ?? 'unknown error'}`;
    }
  }
}

/** The nearest first. What is read bit by bit may be a circle, where ids are used again meanwhile. */
function ancestorsOf(one: Running, all: ReadonlyMap<number, Running>): readonly number[] {
  const line = [one.pid];
  for (let next = one.parent; next > 0 && !line.includes(next); next = all.get(next)?.parent ?? 0) line.push(next);
  return line.slice(1);
}

const no = (why: string): LeaseError => new LeaseError('unavailable', why);
