/** How sinks declare themselves. */
import { z } from 'zod';
import type { Clock } from '../core/time.ts';
import { reloadStep, withReload } from './reload.ts';
import { type Keys, keys } from './render.ts';
import type { Sink } from './sink.ts';
import { type Problem, together } from './together.ts';

/** What a sink or a reload step may use of the outside. */
export interface SinkDeps {
  /** Keys the fingerprints: 32 bytes, the same as long as the state is kept. */
  readonly markKey: Buffer;
  /** The environment, from which `exec` steps get only what is on their allow-list. */
  readonly env: Readonly<Record<string, string | undefined>>;
  /** A clock that neither jumps nor stops. */
  readonly clock: Clock;
  /** The time as others know it, for what is signed or dated. */
  readonly wallClock: Clock;
  /** Our own process: never signalled. */
  readonly pid: number;
}

/** What a sink is called, where its options have no other `name`. */
export const sinkName = z
  .string()
  .min(1)
  // A record finds its sinks by their names, and all of them together under `*`.
  .refine((name) => name !== '*' && !(name in {}), 'a name that means something else to us: choose another')
  .optional()
  .describe('Its name in metrics and logs; by default its type and target');

/** What every sink can be told. */
const shared = {
  name: sinkName,
  keys,
  reload: z.array(reloadStep).default([]).describe('Steps that have the program behind this one sink take it up'),
};

/** Something about one option that is right, and has to be known all the same. */
export interface Remark {
  /** The option. */
  readonly at: string;
  /** What it is, and after a colon what to do about it. */
  readonly message: string;
}

/**
 * A kind of sink. `target` names the place, so that two sinks on one place are found in the configuration; with the
 * type it is also the sink's name where the user gives none, or where `name` is an option of the sink's own. `check`
 * is for what one option alone cannot tell: it is asked also where some of them are wrong, which it then does not see;
 * see `together`.
 */
export function defineSink<const Type extends string, Options extends z.ZodRawShape>(
  type: Type,
  options: Options,
  plugin: {
    /** Many secrets may go to one target, and one several times: it is told which, and replaces nothing. */
    readonly isShared?: boolean;
    check?(options: Partial<Parsed<Options>>, problem: Problem): void;
    warnings?(options: Parsed<Options>): readonly Remark[];
    /** What would be looked for among the values of these secrets together, and never found. */
    unknownIn?(options: Parsed<Options>, secrets: readonly string[]): readonly Remark[];
    target(options: Parsed<Options>): string;
    open(options: Parsed<Options>, deps: SinkDeps): Sink;
  },
) {
  const known = (parsed: unknown) => parsed as Parsed<Options> & z.output<z.ZodObject<typeof shared>>;
  const schema = together(z.strictObject({ type: z.literal(type), ...shared, ...options }), (right, problem) =>
    plugin.check?.(right as Partial<Parsed<Options>>, problem),
  ).transform((parsed) => {
    const { name, reload } = known(parsed);
    const target = plugin.target(known(parsed));
    const warnings = plugin.warnings?.(known(parsed)) ?? [];
    return {
      type,
      name: ('name' in options ? undefined : name) ?? `${type}:${target}`,
      target,
      isShared: plugin.isShared ?? false,
      ...(warnings.length > 0 && { warnings }),
      unknownIn: (secrets: readonly string[]): readonly Remark[] => [
        ...strangersIn(known(parsed).keys, secrets),
        ...(plugin.unknownIn?.(known(parsed), secrets) ?? []),
      ],
      open: (deps: SinkDeps): Sink =>
        withReload(
          plugin.open(known(parsed), deps),
          reload.map((step) => step.open(deps)),
        ),
    };
  });
  return { type, schema };
}

/** `SECRET/KEY`, where the secret is none of these. */
const strangersIn = (keys: Keys, secrets: readonly string[]): readonly Remark[] =>
  Object.values(keys === 'all' ? {} : keys).flatMap((source) => {
    const secret = /^([^/]+)\//.exec(source)?.[1];
    if (secret === undefined || secrets.includes(secret)) return [];
    return [{ at: 'keys', message: `${secret} is not among its secrets: one of ${secrets.join(', ')}` }];
  });

type Parsed<Options extends z.ZodRawShape> = z.output<z.ZodObject<Options>> & { readonly keys: Keys };
