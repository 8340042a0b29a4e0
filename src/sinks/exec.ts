/** A sink that is a command of the user's: it is given the values, and its exit code says whether it took them. */
import { constants } from 'node:fs';
import { access, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { duration } from '../config/values.ts';
import { LeaseError } from '../core/failure.ts';
import type { Material } from '../core/material.ts';
import { type Duration, minutes, seconds } from '../core/time.ts';
import { believed, sorted } from './believed.ts';
import { environmentOf, runCommand } from './command.ts';
import { defineSink, type SinkDeps } from './define.ts';
import { entriesOf, type Keys, render } from './render.ts';
import type { Delivery, Sink } from './sink.ts';
import { unfitForShell } from './variable-names.ts';

export interface ExecOptions {
  /** The command and its arguments. */
  readonly exec: readonly string[];
  readonly values: 'stdin' | 'env';
  readonly keys: Keys;
  readonly timeout: Duration;
  /** Names of variables that it gets besides those which every program needs. */
  readonly env: readonly string[];
}

const text = z
  .string()
  .min(1)
  .regex(/^[^\0]*$/, 'no NUL in here');

export const exec = defineSink(
  'exec',
  {
    exec: z
      .array(text, 'a command and its arguments, as a list: no shell reads it')
      .min(1, 'which command? as a list with its arguments: [/usr/local/bin/load, now]')
      .describe('The command and its arguments'),
    values: z
      .enum(['stdin', 'env'])
      .default('stdin')
      .describe('How it gets the values: as JSON on its standard input, or in the variables that keys: names'),
    timeout: duration
      .refine((length) => length >= seconds(1) && length <= minutes(5), 'between 1s and 5m')
      .prefault('10s')
      .describe('After this the command is killed with its process group. Default: 10s'),
    env: z
      .array(z.string().regex(/^[A-Za-z_][A-Za-z0-9_]*$/, 'the name of an environment variable'))
      .default([])
      .describe('Variables of ours the command gets besides PATH, HOME, LANG and TZ'),
  },
  {
    // The same command may be told of many secrets.
    isShared: true,
    check({ values, keys = 'all', env = [] }, problem) {
      for (const [i, name] of env.entries()) {
        if (ours.test(name)) problem(['env', String(i)], 'a name that we give a value of our own: leave it out');
      }
      if (values !== 'env') return;
      if (keys === 'all') {
        return problem(
          ['keys'],
          'which variables? name each: keys: { PGUSER: DB_USERNAME }; or hand them over by stdin',
        );
      }
      for (const name of Object.keys(keys)) {
        const reason =
          unfitForShell(name) ??
          (taken(name, env) ? 'the command has a variable of that name already: choose another' : undefined);
        if (reason) problem(['keys', name], reason);
      }
    },
    target: ({ exec: [command = ''] }) => command,
    open: (options, deps) => execSink(options, deps),
  },
);

const ours = /^LEASEKEEPER_/;
const taken = (name: string, env: readonly string[]): boolean =>
  ours.test(name) || name in environmentOf({}, []) || env.includes(name);

/** The sink on its own, for who has the options already. */
export function execSink(options: ExecOptions, { markKey, env }: Pick<SinkDeps, 'markKey' | 'env'>): Sink {
  const { exec: command, timeout, values, keys } = options;
  const belief = believed([command, values, sorted(keys), options.env], markKey);
  const environment = environmentOf(env, options.env);
  return {
    saysUnsure: true,
    async check(signal) {
      await present(command[0] ?? '', environment['PATH']);
      if (signal.aborted) throw new LeaseError('unavailable', 'stopped before anything was run');
    },
    async write(delivery, signal) {
      const content = render(delivery.material, { format: 'json', keys });
      const ending = await runCommand(
        {
          exec: command,
          timeout,
          env: { ...environment, ...told(delivery), ...(values === 'env' && variables(delivery.material, keys)) },
          ...(values === 'stdin' && { input: content.toString() }),
        },
        signal,
      );
      if (ending.how !== 'exited' || ending.code !== 0) {
        // One that failed, or was killed, may have handed the values on before: only what never ran is sure not to have.
        throw new LeaseError('unavailable', ending.words, { unsure: ending.how !== 'unstarted' });
      }
      const mark = belief.markOf(content);
      belief.took(mark);
      return mark;
    },
    holds: belief.holds,
    isBelieved: true,
  };
}

/** What may be known to everybody who may look at a process. */
const told = ({ secret, generation, sequence }: Delivery): Record<string, string> => ({
  LEASEKEEPER_SECRET: secret,
  LEASEKEEPER_GENERATION: String(generation),
  LEASEKEEPER_SEQUENCE: String(sequence),
});

function variables(material: Material, keys: Keys): Record<string, string> {
  const entries = entriesOf(material, { keys });
  for (const [name, value] of entries) {
    if (value.includes('\0')) {
      throw new LeaseError(
        'invalid',
        `the key ${JSON.stringify(name)} cannot be an environment variable: it has a NUL byte`,
      );
    }
  }
  return Object.fromEntries(entries);
}

/** Is there a command of that name which we may run? As the system looks for it. */
async function present(command: string, path = ''): Promise<void> {
  const places = command.includes('/')
    ? [command]
    : path.split(':').map((directory) => join(directory || '.', command));
  for (const place of places) {
    const isThere = await access(place, constants.X_OK).then(
      async () => (await stat(place)).isFile(),
      () => false,
    );
    if (isThere) return;
  }
  throw new LeaseError('unavailable', `there is no command ${command} that we may run`);
}
