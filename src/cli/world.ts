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
export const configurationIn = (file: string, world: World) => loadedFrom(file, world)?.configuration;

/** The same, with the warnings that there are. */
export function loadedFrom(file: string, { env, err }: World) {
  const result: LoadResult = loadConfiguration({ file, env });
  if (result.ok) return result;
  sayProblems(result.problems, err);
  return undefined;
}
