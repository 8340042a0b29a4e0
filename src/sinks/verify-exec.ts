/** Proves values by a command of the user's: its exit code is the answer. */
import { LeaseError } from '../core/failure.ts';
import type { Material } from '../core/material.ts';
import type { Duration } from '../core/time.ts';
import { environmentOf, runCommand } from './command.ts';
import type { SinkDeps } from './define.ts';
import type { Keys } from './render.ts';
import { unfitForShell } from './variable-names.ts';
import type { Verify } from './verify.ts';
import { valueAt } from './verify-values.ts';

export interface ProvingCommand {
  readonly exec: readonly string[];
  readonly values: 'stdin' | 'env';
  /** By the name under which the command gets it. */
  readonly keys: Keys;
  /** Names of variables that it gets besides those which every program needs. */
  readonly env: readonly string[];
  readonly timeout: Duration;
}

/**
 * "Try again later", as sysexits.h has it, is a command's own way of saying that it cannot say. A shell says 126 and 127
 * of what it could not run, and more than 128 of what was killed: a check that is broken has not asked.
 */
const isSilent = (code: number): boolean => [75, 126, 127].includes(code) || code > 128;

/** A command that could not be run to its end, or says so itself, has not said no. */
export function verifyExec(options: ProvingCommand, { env }: Pick<SinkDeps, 'env'>): Verify {
  const { exec, values, keys, timeout } = options;
  const environment = environmentOf(env, options.env);
  return async (material, signal) => {
    const given = chosen(material, keys);
    const ending = await runCommand(
      {
        exec,
        timeout,
        env: values === 'env' ? { ...environment, ...given } : environment,
        ...(values === 'stdin' && { input: JSON.stringify(given) }),
      },
      signal,
    );
    if (ending.how !== 'exited') throw new LeaseError('unavailable', ending.words);
    if (isSilent(ending.code)) throw new LeaseError('unavailable', `${ending.words}: it could not tell`);
    if (ending.code !== 0) throw new LeaseError('invalid', ending.words);
  };
}

function chosen(material: Material, keys: Keys): Record<string, string> {
  const wanted = keys === 'all' ? material.keys().map((key) => [key, key] as const) : Object.entries(keys);
  return Object.fromEntries(wanted.map(([name, key]) => [name, valueAt(material, key)]));
}

/** What is wrong with the variables in which a command would get its values. */
export function faultsOfVariables({ values, keys = 'all', env = [] }: Variables): [string[], string][] {
  if (values !== 'env') return [];
  if (keys === 'all') {
    return [[['keys'], 'which variables? name each: keys: { PGUSER: DB_USERNAME }; or hand them over by stdin']];
  }
  return Object.keys(keys).flatMap((name): [string[], string][] => {
    const isTaken = name in environmentOf({}, env);
    const fault =
      unfitForShell(name) ?? (isTaken ? 'the command has a variable of that name already: choose another' : undefined);
    return fault === undefined ? [] : [[['keys', name], fault]];
  });
}

interface Variables {
  readonly values?: ProvingCommand['values'] | undefined;
  readonly keys?: Keys | undefined;
  readonly env?: readonly string[] | undefined;
}
