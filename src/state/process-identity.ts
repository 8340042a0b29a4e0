/** Tells a process from a later one that was given the same number. */
import { readFile } from 'node:fs/promises';

export interface ProcessIdentity {
  readonly pid: number;
  /** When it was started, as the kernel counts; empty where there is no /proc. */
  readonly startedAt: string;
}

/** `undefined`: there is no such process, or it is dead and only not yet buried. */
export async function identityOf(pid: number): Promise<ProcessIdentity | undefined> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch((error: NodeJS.ErrnoException) => error.code);
  if (stat === undefined || /^E[A-Z]+$/.test(stat)) return hasProc() ? undefined : byName(pid);
  // The name in parentheses may hold anything, parentheses too.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return fields[0] === 'Z' || fields[0] === 'X' ? undefined : { pid, startedAt: fields[19] ?? '' };
}

/** Is it still the very same process? */
export async function isAlive(identity: ProcessIdentity): Promise<boolean> {
  return (await identityOf(identity.pid))?.startedAt === identity.startedAt;
}

const hasProc = (): boolean => process.platform === 'linux';

function byName(pid: number): ProcessIdentity | undefined {
  try {
    process.kill(pid, 0);
    return { pid, startedAt: '' };
  } catch {
    return undefined;
  }
}
