/** How sinks and reload steps declare themselves. */
import { z } from 'zod';
import type { Sink } from './sink.ts';

/** What a sink may use of the outside. */
export interface SinkDeps {
  /** Keys the fingerprints: 32 bytes, the same as long as the state is kept. */
  readonly markKey: Buffer;
  /** The environment, from which `exec` steps get only what is on their allow-list. */
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Our own process: never signalled. */
  readonly pid: number;
}

/**
 * A kind of sink. `target` names the place, so that two sinks on one place are found in the configuration; with the
 * type it is also the sink's name where the user gives none.
 */
export function defineSink<const Type extends string, Options extends z.ZodRawShape>(
  type: Type,
  options: Options,
  plugin: {
    target(options: z.output<z.ZodObject<Options>>): string;
    open(options: z.output<z.ZodObject<Options>>, deps: SinkDeps): Sink;
  },
) {
  const own = z.strictObject({ type: z.literal(type), name: z.string().optional(), ...options });
  const schema = own.transform((parsed) => {
    const known = parsed as unknown as z.output<z.ZodObject<Options>> & { readonly name?: string };
    const target = plugin.target(known);
    return {
      type,
      name: known.name ?? `${type}:${target}`,
      target,
      open: (deps: SinkDeps) => plugin.open(known, deps),
    };
  });
  return { type, schema };
}
