/**
 * Outputs: several secrets in one place. Each of them has a sink of its own there, so that its record protects its own
 * lease; what is written is always the whole, by whoever has something new.
 */
import { createHmac } from 'node:crypto';
import type { OutputConfiguration } from './config/configuration.ts';
import { LeaseError } from './core/failure.ts';
import { Material } from './core/material.ts';
import type { Holding } from './core/record.ts';
import type { Duration } from './core/time.ts';
import type { Visit } from './keeper/secret.ts';
import { contribute, goOn, hasPart, markOf, type Part } from './keeper/share.ts';
import type { SinkDeps } from './sinks/define.ts';
import type { Delivery, Sink } from './sinks/sink.ts';
import type { Turns } from './state/turns.ts';

/** What comes within this time of a first change is written with it. */
export const gathering: Duration = 500;

export interface OutputOptions {
  /** Under which its members know it among their sinks. */
  readonly name: string;
  /** Names of secrets. */
  readonly members: readonly string[];
  /** What writes there. */
  readonly sink: Sink;
  /** See `SinkDeps`. */
  readonly markKey: Buffer;
  readonly visit: (secret: string) => Visit | undefined;
  readonly sleep: (delay: Duration) => Promise<void>;
  /** One after the other, whoever asks: also who wrote there under the configuration before this one. */
  readonly alone: <T>(call: () => Promise<T>) => Promise<T>;
}

/** An output, as those see it who write there. */
export interface SharedSink {
  readonly name: string;
  readonly type: string;
  readonly from: readonly string[];
  readonly sinkOf: (member: string) => Sink;
}

export const openOutputs = (
  outputs: readonly OutputConfiguration[],
  deps: SinkDeps,
  { turns, ...around }: Pick<OutputOptions, 'visit' | 'sleep'> & { readonly turns: Turns },
): readonly SharedSink[] =>
  outputs.map(({ name, from, sink }) => ({
    name,
    from,
    type: sink.type,
    sinkOf: outputOf({
      ...around,
      name,
      members: from,
      sink: sink.open(deps),
      markKey: deps.markKey,
      alone: (call) => turns.take(name, call),
    }),
  }));

/** Whose values are in it: of each member a keyed fingerprint of its lease and generation. */
type Parts = Readonly<Record<string, string>>;

/** What was written: the mark of it all, and whose values it was made of. */
type Whole = readonly [mark: string, parts: Parts];

interface Gathering {
  readonly joined: Map<string, { readonly delivery: Delivery; readonly signal: AbortSignal }>;
  readonly written: Promise<Whole>;
}

/** The sink of each member. */
export function outputOf(options: OutputOptions): (member: string) => Sink {
  const { name, members, sink, markKey, visit, sleep, alone } = options;
  /** What lies there, as far as this process has written or seen it. */
  let present: Whole | undefined;
  /** What the programs behind it have taken up since. */
  let takenUp: string | undefined;
  let open: Gathering | undefined;

  const visitOf = (member: string): Visit => {
    const one = visit(member);
    if (!one) throw new LeaseError('unavailable', `${member} is not kept any more`);
    return one;
  };
  const partOf = (member: string, { lease, generation }: Holding): string =>
    createHmac('sha256', markKey)
      .update(JSON.stringify([name, member, lease, generation]))
      .digest('base64url')
      .slice(0, 16);
  const isThere = async ([mark]: Whole, signal: AbortSignal) => (await sink.holds?.(mark, signal)) !== false;
  /** All that may lie there: each member remembers what was there when it was last written to. */
  const known = async (own?: Whole): Promise<readonly Whole[]> => {
    const marks = await Promise.all(members.map((member) => markOf(visitOf(member), name)));
    const wholes = [present, own, ...marks.map(wholeOf)].filter((one) => one !== undefined);
    return wholes.filter(
      ([, parts], i) => isOf(parts, members) && wholes.findIndex((one) => isEqual(one, wholes[i])) === i,
    );
  };

  const write = async (joined: Gathering['joined']): Promise<Whole> => {
    const live = [...joined].filter(([, { signal }]) => !signal.aborted);
    if (live.length === 0) throw new LeaseError('unavailable', 'stopped before anything was written');
    const signal = AbortSignal.any(live.map(([, one]) => one.signal));
    const parts = new Map<string, Part>();
    for (const member of members) {
      const own = joined.get(member)?.delivery;
      const part = own ? { holding: own, ...own } : await contribute(visitOf(member), name);
      if (!part) throw new LeaseError('unavailable', `waits for ${member}, which has no value at hand`);
      parts.set(member, part);
    }
    const wanted = Object.fromEntries([...parts].map(([member, { holding }]) => [member, partOf(member, holding)]));
    // Somebody may have written just this already: for who cannot look, only what we know to have written counts.
    for (const whole of sink.holds ? await known() : present ? [present] : []) {
      if (!isEqual(whole[1], wanted) || !(await isThere(whole, signal))) continue;
      present = whole;
      return whole;
    }
    const mark = await sink.write(
      {
        secret: name,
        lease: partOf('*', { lease: JSON.stringify(wanted), generation: 0 }),
        generation: 0,
        sequence: Math.max(...[...parts.values()].map(({ sequence }) => sequence)),
        material: Material.together(new Map([...parts].map(([member, { material }]) => [member, material]))),
      },
      signal,
    );
    present = [mark, wanted];
    takenUp = undefined;
    for (const member of members) if (!joined.has(member)) await goOn(visitOf(member), name);
    return present;
  };

  const gather = (): Gathering => {
    const joined: Gathering['joined'] = new Map();
    const written = sleep(gathering).then(() =>
      alone(() => {
        open = undefined;
        return write(joined);
      }),
    );
    return { joined, written };
  };

  return (member) => ({
    ...(sink.check && { check: (signal: AbortSignal) => alone(async () => sink.check?.(signal)) }),
    ...(sink.isTaken && {
      isTaken: (signal: AbortSignal) =>
        alone(async () => {
          if (!(await sink.isTaken?.(signal))) return false;
          const marks = await Promise.all(members.map((one) => markOf(visitOf(one), name)));
          const wholes = marks.map(wholeOf).filter((one) => one !== undefined);
          // Others have made it without this one, as far as they remember.
          if (wholes.length > 0 && !wholes.some(([, parts]) => Object.hasOwn(parts, member)))
            throw new LeaseError('unavailable', `whether values of ${member} have been there nobody can say`);
          return true;
        }),
    }),
    ...(sink.isBelieved && { isBelieved: true as const }),

    async awaits() {
      const others = members.filter((other) => other !== member);
      const missing: string[] = [];
      for (const other of others) if (!(await hasPart(visitOf(other), name))) missing.push(other);
      if (missing.length === 0) return undefined;
      return `waits for ${missing.join(' and ')}, which ${missing.length > 1 ? 'have' : 'has'} no value yet`;
    },

    async write(delivery, signal) {
      open ??= gather();
      const { joined, written } = open;
      joined.set(member, { delivery, signal });
      try {
        return JSON.stringify(await written);
      } catch (error) {
        if (!(error instanceof LeaseError)) throw error;
        // Meanwhile another may have written it all: nobody can be sure that these values are not there.
        const { code, message, notBefore } = error;
        throw new LeaseError(code, message, {
          cause: error,
          unsure: true,
          ...(notBefore !== undefined && { notBefore }),
        });
      }
    },

    holds: (mark, signal) =>
      alone(async () => {
        const own = wholeOf(mark);
        if (!own) return false;
        for (const whole of await known(own)) {
          if (whole[1][member] !== own[1][member] || !(await isThere(whole, signal))) continue;
          present = whole;
          return true;
        }
        return false;
      }),

    ...(sink.reload && {
      reload: (signal: AbortSignal) =>
        alone(async () => {
          const what = JSON.stringify(present);
          if (present && takenUp === what) return;
          await sink.reload?.(signal);
          takenUp = what;
        }),
    }),
  });
}

/** `undefined` where a sink that was no output wrote it. */
function wholeOf(text: string | undefined): Whole | undefined {
  try {
    const [mark, parts] = JSON.parse(text ?? '') as Whole;
    return typeof mark === 'string' && typeof parts === 'object' && parts !== null ? [mark, parts] : undefined;
  } catch {
    return undefined;
  }
}

/** Each member, and nobody else. */
const isOf = (parts: Parts, members: readonly string[]): boolean =>
  Object.keys(parts).length === members.length && members.every((member) => Object.hasOwn(parts, member));

/** They are always made in the order of the members. */
const isEqual = (a: unknown, b: unknown): boolean => JSON.stringify(a) === JSON.stringify(b);
