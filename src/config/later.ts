/** What the contract of the configuration knows and this version of the program does not do yet. */
import type { Path } from './problem.ts';

interface Later {
  /** `*` stands for any name or position. */
  readonly at: string;
  /** Only these values of it. Absent: all of it. */
  readonly values?: readonly string[];
}

/** Each line is inert once the schema takes what it names. */
const table: readonly Later[] = [{ at: 'secrets.*.onRemove', values: ['revoke'] }];

/** Defaults stand for the places they are merged into. */
function usedAt(path: Path): Path {
  if (path[0] !== 'defaults') return path;
  return path[1] === 'source' ? ['secrets', '*', ...path.slice(1)] : ['secrets', '*', 'sinks', '*', ...path.slice(2)];
}

/** Is that key, or that value of it, part of the contract, although the schema of this version does not take it? */
export function comesLater(path: Path, value: unknown): boolean {
  const used = usedAt(path);
  return table.some(({ at, values }) => {
    const steps = at.split('.');
    if (steps.length !== used.length || !steps.every((step, i) => step === '*' || step === used[i])) return false;
    return values === undefined || values.includes(String(value));
  });
}

export const notYet = 'not supported by this version yet';
