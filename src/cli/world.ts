/** What the commands need of the process they run in; `main.ts` alone touches it. */
import type { LoadResult } from '../config/configuration.ts';
import type { Env } from '../config/fill.ts';
import { loadConfiguration } from '../config/load.ts';
import { type Output, sayProblems } from './say.ts';

export interface World {
  readonly env: Env;
  readonly out: Output;
  readonly err: Output;
}

/** The configuration in that file, or `undefined` after the problems were told. */
export function configurationIn(file: string, { env, err }: World) {
  const result: LoadResult = loadConfiguration({ file, env });
  if (result.ok) return result.configuration;
  sayProblems(result.problems, err);
  return undefined;
}
