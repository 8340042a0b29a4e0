/** A reload step: a command of the user's. */
import { LeaseError } from '../core/failure.ts';
import type { Duration } from '../core/time.ts';
import { environmentOf, runCommand } from './command.ts';
import type { SinkDeps } from './define.ts';
import type { ReloadStep } from './reload.ts';

export interface ReloadCommand {
  readonly exec: readonly string[];
  readonly timeout: Duration;
  /** Names of variables that it gets besides those which every program needs. */
  readonly env: readonly string[];
}

/** Its exit code is the answer. It gets no input and no value. */
export function exec({ exec: command, timeout, env }: ReloadCommand, deps: Pick<SinkDeps, 'env'>): ReloadStep {
  const environment = environmentOf(deps.env, env);
  return {
    async run(signal) {
      const ending = await runCommand({ exec: command, timeout, env: environment }, signal);
      if (ending.how !== 'exited' || ending.code !== 0) throw new LeaseError('unavailable', ending.words);
    },
  };
}
