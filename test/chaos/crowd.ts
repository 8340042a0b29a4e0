/** The programs behind the sinks, and a reader of every file, each a process of its own; and what they said. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import type { Instant } from '../../src/core/time.ts';
import type { ConsumerLine, ConsumerOrder } from './consumer.ts';
import type { Kind } from './credentials.ts';
import { isVersion, type Lives, type SecretPlan } from './lives.ts';
import { type Running, script, start } from './processes.ts';
import type { ReaderLine, ReaderOrder } from './reader.ts';

export interface Refusal {
  readonly at: Instant;
  readonly consumer: string;
  readonly secret: SecretPlan;
  readonly name: string;
  readonly mark: string;
  /** Where the value itself says it. */
  readonly endsAt: Instant | undefined;
}

export interface Load {
  readonly at: Instant;
  /** `consumer` by signal, or the log of an exec step. */
  readonly step: string;
  readonly mark: string;
}

export interface Crowd {
  /** Each program has read its file. */
  isUp(): boolean;
  uses(): number;
  unreachable(): number;
  /** Those whose last use was of a version that is not the current one any more. */
  stale(): readonly string[];
  reads(): number;
  readonly refusals: readonly Refusal[];
  readonly torn: readonly string[];
  /** By signal, in order. */
  readonly loads: readonly Load[];
  /** When a name was first seen in a file. */
  readonly seen: ReadonlyMap<string, Instant>;
  /** By exec, in order. */
  runs(): readonly Load[];
  /** Faults of the programs themselves. */
  readonly words: readonly string[];
  stop(): Promise<void>;
}

export interface Places {
  readonly secrets: string;
  readonly run: string;
}

/** One program for each sink; where the secret as a whole is told, the program of its first sink is. */
export const consumersOf = ({ secrets }: Lives) =>
  secrets.flatMap((secret) => secret.sinks.map((sink) => ({ secret, sink, name: sink.file })));

export const pidFileOf = (places: Places, consumer: string): string => join(places.run, `${consumer}.pid`);
export const logOf = (places: Places, consumer: string): string => join(places.run, `${consumer}.steps`);

const kindOf = (secret: SecretPlan): Kind =>
  secret.kind === 'token' ? 'token' : isVersion(secret) ? 'version' : 'account';

/** Each program starts as soon as its file is there. `urls`: where they ask whether they are let in. */
export function aCrowd(
  lives: Lives,
  places: Places,
  urls: { readonly sandbox: string; readonly store: string },
  neverRereads: boolean,
): Crowd {
  const refusals: Refusal[] = [];
  const torn: string[] = [];
  const loads: Load[] = [];
  const words: string[] = [];
  const seen = new Map<string, Instant>();
  const tallies = new Map<string, { uses: number; unreachable: number; isStale: boolean }>();
  const running: Running[] = [];
  let reads = 0;
  let isStopping = false;
  const run = (file: string, order: object, onLine: (line: string) => void) => {
    const program = start(script(join(import.meta.dirname, file), JSON.stringify(order)), { onLine });
    void program.gone.then((how) => {
      if (!isStopping) words.push(`${file} ended by itself: ${how}`);
    });
    running.push(program);
  };
  const parse = <Line>(text: string): Line | undefined => {
    try {
      return JSON.parse(text) as Line;
    } catch {
      words.push(text);
      return undefined;
    }
  };

  function consume({ secret, sink, name }: ReturnType<typeof consumersOf>[number]): void {
    const order: ConsumerOrder = {
      name,
      file: join(places.secrets, sink.file),
      format: sink.format,
      kind: kindOf(secret),
      pidFile: pidFileOf(places, name),
      url: isVersion(secret) ? urls.store : urls.sandbox,
      neverRereads,
    };
    run('consumer.ts', order, (text) => {
      const line = parse<ConsumerLine>(text);
      if (line?.type === 'tally') tallies.set(name, line);
      if (line?.type === 'loaded' && line.why === 'reload') loads.push({ at: line.at, step: name, mark: line.mark });
      if (line?.type === 'torn') torn.push(`${new Date(line.at).toISOString()} the program of ${name}: ${line.why}`);
      if (line?.type === 'refused') {
        refusals.push({ at: line.at, consumer: name, secret, name: line.name, mark: line.mark, endsAt: line.endsAt });
      }
    });
  }

  function readAll(): void {
    const files: ReaderOrder['files'] = consumersOf(lives).map(({ secret, sink }) => ({
      file: join(places.secrets, sink.file),
      format: sink.format,
      kind: kindOf(secret),
    }));
    run('reader.ts', { files }, (text) => {
      const line = parse<ReaderLine>(text);
      if (line?.type === 'reads') reads = line.reads;
      if (line?.type === 'torn') torn.push(`${new Date(line.at).toISOString()} ${line.file}: ${line.why}`);
      if (line?.type === 'saw' && line.name !== '' && !seen.has(line.name)) seen.set(line.name, line.at);
    });
  }

  readAll();
  const starting = Promise.all(
    consumersOf(lives).map(async (consumer) => {
      while (!isStopping && !existsSync(join(places.secrets, consumer.sink.file))) await pause(50);
      if (!isStopping) consume(consumer);
    }),
  );
  const sum = (of: 'uses' | 'unreachable') => [...tallies.values()].reduce((total, tally) => total + tally[of], 0);
  return {
    isUp: () => tallies.size === consumersOf(lives).length,
    uses: () => sum('uses'),
    unreachable: () => sum('unreachable'),
    stale: () => [...tallies].filter(([, { isStale }]) => isStale).map(([name]) => name),
    reads: () => reads,
    refusals,
    torn,
    loads,
    seen,
    words,
    runs: () =>
      consumersOf(lives).flatMap(({ name }) => {
        const file = logOf(places, name);
        if (!existsSync(file)) return [];
        const lines = readFileSync(file, 'utf8')
          .split('\n')
          .filter((line) => line !== '');
        return lines.map((line) => {
          const [at = '', mark = ''] = line.split(' ');
          return { at: Number(at), step: `exec for ${name}`, mark };
        });
      }),
    async stop() {
      isStopping = true;
      await starting;
      for (const program of running) program.signal('SIGKILL');
      await Promise.all(running.map(({ gone }) => gone));
    },
  };
}
