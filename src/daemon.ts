/** The composition root: starts everything in the order in which each depends on the last, and ends it in the reverse. */
import { steadyClock, timer, wallClock } from './clock.ts';
import type { Configuration, LoadResult } from './config/configuration.ts';
import type { Problem } from './config/problem.ts';
import { type Duration, sayDuration } from './core/time.ts';
import { type Foundations, layFoundations, Occupied } from './foundations.ts';
import { type Keeping, startKeeping } from './keeping.ts';
import { createHealth } from './observability/health.ts';
import { serveHttp } from './observability/http.ts';
import { createLog, type Log } from './observability/log.ts';
import { createMetrics, type Metrics } from './observability/metrics.ts';
import { observabilityRoutes } from './observability/routes.ts';
import { ask, type ControlRequest } from './state/control-socket.ts';
import { version } from './version.ts';

export interface DaemonOptions {
  readonly configuration: Configuration;
  /** The configuration's file, for people. */
  readonly file: string;
  readonly env: Readonly<Record<string, string | undefined>>;
}

export interface RunOptions extends DaemonOptions {
  readonly shutdownTimeout: Duration;
  readonly reload: () => LoadResult;
}

export interface OnceOptions extends DaemonOptions {
  readonly timeout: Duration;
}

/** Until TERM or INT. Answers with the exit code. */
export async function run(options: RunOptions): Promise<number> {
  const { configuration, file, shutdownTimeout } = options;
  const ending = new AbortController();
  let exitCode = 0;
  const program = prepare(options, (why) => {
    exitCode = 1;
    ending.abort(why);
  });
  const { log, metrics, health } = program;
  const stopListening = onSignals({
    TERM: (name) => {
      if (ending.signal.aborted) {
        log.error(`${name} for the second time: ending at once`);
        return void log.close().finally(() => process.exit(1));
      }
      log.info(`${name}: finishing what is under way, for ${sayDuration(shutdownTimeout)} at most`);
      ending.abort(name);
    },
    // One after the other, and the first when there is something to be changed: a signal at the start is not lost.
    HUP: () => {
      reloading = reloading.then(reconfigure).catch((error: unknown) => {
        log.error('HUP failed', { err: error });
      });
    },
    USR2: () => {
      log.info('USR2: looking at everything now');
      program.keeping
        ?.lookAtEverything()
        .catch((error: unknown) => log.warn('looking at everything failed', { err: error }));
    },
  });
  let present = configuration;
  let begun = () => {};
  let reloading = new Promise<void>((resolve) => {
    begun = resolve;
  });
  const reconfigure = async () => {
    if (!ending.signal.aborted) present = (await reconfigured(options, program, present)) ?? present;
  };
  try {
    const server = await serveHttp({
      listen: configuration.http,
      route: observabilityRoutes(health, metrics),
      onError: (error) => log.warn('a request to http.listen failed', { err: error }),
    });
    try {
      await program.start(ending.signal);
      const { host, port } = server.address;
      const secrets = configuration.secrets.length;
      log.info(
        `leasekeeper ${version} keeps ${secrets} secrets of ${file}; probes and metrics at http://${host}:${port}`,
        {
          pid: process.pid,
          dataDir: configuration.state.dataDir,
        },
      );
      begun();
      await aborted(ending.signal);
    } finally {
      await program.end(shutdownTimeout);
      await server.close();
    }
  } catch (error) {
    if (!ending.signal.aborted) {
      exitCode = 1;
      log.error(wordsOf(error), { err: error });
    }
  }
  stopListening();
  log.info('ended');
  await log.close();
  return exitCode;
}

/** Every secret once, and end: alone, or by the daemon that works in the same data directory. */
export async function once(options: OnceOptions): Promise<number> {
  const { configuration, env, timeout } = options;
  const { dataDir } = configuration.state;
  const ending = new AbortController();
  const program = prepare(options, (why) => ending.abort(why));
  const { log } = program;
  const stopListening = onSignals({
    TERM: (name) => ending.abort(name),
    HUP: () => undefined,
    USR2: () => undefined,
  });
  const cancel = timer(timeout, () => ending.abort('timeout'));
  let exitCode = 0;
  try {
    const answer = await ask(dataDir, { op: 'once', timeout }, timeout, env['XDG_RUNTIME_DIR']);
    if (answer !== undefined) log.info('the daemon that works here has delivered everything');
    else {
      try {
        await program.start(ending.signal);
        await program.keeping?.delivered(ending.signal);
        log.info('everything is delivered');
      } finally {
        await program.end(defaultEnd);
      }
    }
  } catch (error) {
    exitCode = 1;
    const owed = program.undelivered();
    const still = owed.length > 0 ? `; not delivered: ${owed.join(', ')}` : '';
    const what = ending.signal.reason === 'timeout' ? `not done within ${sayDuration(timeout)}` : wordsOf(error);
    log.error(`${what}${still}`, { err: error });
  }
  cancel();
  stopListening();
  await log.close();
  return exitCode;
}

/** How long an orderly end may take where nobody says so. */
const defaultEnd: Duration = 10_000;

interface Program {
  readonly log: Log;
  readonly metrics: Metrics;
  readonly health: ReturnType<typeof createHealth>;
  readonly keeping: Keeping | undefined;
  start(signal: AbortSignal): Promise<void>;
  /** Twice is once. */
  end(within: Duration): Promise<void>;
  undelivered(): readonly string[];
}

/** Everything but the door: `fatal` is called where the program cannot go on. */
function prepare({ configuration, env }: DaemonOptions, fatal: (why: string) => void): Program {
  const steady = steadyClock();
  const isColoured = process.stderr.isTTY === true && !env['NO_COLOR'];
  const log = createLog({ ...configuration.log, clock: wallClock, isColoured });
  const metrics = createMetrics({ version, clock: steady });
  const health = createHealth({ clock: steady });
  let foundations: Foundations | undefined;
  let keeping: Keeping | undefined;
  let isEnding = false;
  const undelivered = () => keeping?.undelivered() ?? configuration.secrets.map(({ name }) => name);

  const answer = async (request: ControlRequest): Promise<unknown> => {
    if (request.op !== 'once') throw new Error('this version of the daemon does not answer that yet');
    if (!keeping) throw new Error('the daemon is just starting: try again');
    await keeping.delivered(AbortSignal.timeout(request.timeout ?? defaultEnd)).catch(() => {
      throw new Error(`not delivered in time: ${undelivered().join(', ')}`);
    });
    return { delivered: true };
  };

  return {
    log,
    metrics,
    health,
    get keeping() {
      return keeping;
    },
    undelivered,
    async start(signal) {
      foundations = await layFoundations({
        state: configuration.state,
        env,
        signal,
        onRequest: answer,
        onRedisHealth: (isUp) => {
          metrics.redisUp(isUp);
          if (isEnding) return;
          if (isUp) log.info('Redis answers');
          else log.warn('Redis does not answer: what is due waits until it does');
        },
        onRedisError: (error) => log.warn('Redis cannot be asked', { err: error }),
        onRedisDeath: (how, pause) =>
          log.warn(`the embedded Redis ended (${how}); it is started again in ${sayDuration(pause)}`),
        onWarning: (text) => log.warn(text),
        onLost: ({ host, pid }) => {
          log.error(`the daemon ${pid} on ${host} works under our prefix in Redis now: ending`);
          fatal('lost the prefix');
        },
        onUnreadable: (secret, because) =>
          log.error(`what Redis remembers of ${secret} cannot be read, and counts as lost`, { secret, because }),
      });
      keeping = await startKeeping({
        configuration,
        foundations,
        env,
        listeners: [log, metrics, health],
        steady,
        wall: wallClock,
        onRequest: (provider, request) => metrics.onRequest(provider, request),
        onSkew: (provider, skew) => metrics.onSkew(provider, skew),
        onError: (doing, error) => log.warn(`${doing} failed`, { err: error }),
      });
      metrics.queueCounts(keeping.counts);
    },
    async end(within) {
      isEnding = true;
      await keeping?.close(AbortSignal.timeout(within));
      await foundations?.close();
      foundations = undefined;
    },
  };
}

/** All or nothing. Answers with the configuration that holds now, `undefined` where it is the former one. */
async function reconfigured(
  { reload, file }: RunOptions,
  { log, metrics, keeping }: Program,
  present: Configuration,
): Promise<Configuration | undefined> {
  const result = reload();
  const refuse = (words: readonly string[]) => {
    for (const line of words) log.error(line);
    log.error(`HUP: ${file} is not taken over; everything goes on as before`);
    metrics.configReloaded(false);
  };
  if (!result.ok) return void refuse(result.problems.map(inWords));
  const { configuration } = result;
  const fixed = fixedParts.filter((part) => JSON.stringify(configuration[part]) !== JSON.stringify(present[part]));
  if (fixed.length > 0) return void refuse([`${fixed.join(' and ')} cannot change while the daemon runs: restart it`]);
  let changing: Promise<void> | undefined;
  try {
    changing = keeping?.change(configuration);
  } catch (error) {
    return void refuse([wordsOf(error)]);
  }
  try {
    await changing;
  } catch (error) {
    // The household is the new one already; what the schedule does not know yet the sweep tells it.
    log.warn('the schedule does not know all of the new configuration yet; it will soon', { err: error });
  }
  metrics.configReloaded(true);
  log.info(`HUP: ${file} is taken over: ${configuration.secrets.length} secrets`);
  return configuration;
}

const fixedParts = ['state', 'http', 'log'] as const;

const inWords = ({ file, line, column, path, message, remedy }: Problem): string =>
  `${file}:${line}:${column} ${path}: ${message}${remedy === undefined ? '' : ` (${remedy})`}`;

/** Errors of the start are written for the operator; where one is not, only its kind is told. */
function wordsOf(error: unknown): string {
  if (error instanceof Occupied) return `${error.message}: it may be asked by \`once\`, or ended first`;
  return error instanceof Error ? error.message : 'it ended for a reason that nobody can tell';
}

const aborted = (signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    if (signal.aborted) resolve();
    signal.addEventListener('abort', () => resolve(), { once: true });
  });

/** Answers with what stops listening. */
function onSignals(on: {
  readonly TERM: (name: string) => void;
  readonly HUP: () => void;
  readonly USR2: () => void;
}): () => void {
  const heard = [
    ['SIGTERM', () => on.TERM('TERM')],
    ['SIGINT', () => on.TERM('INT')],
    ['SIGHUP', on.HUP],
    ['SIGUSR2', on.USR2],
  ] as const;
  for (const [signal, hear] of heard) process.on(signal, hear);
  return () => {
    for (const [signal, hear] of heard) process.off(signal, hear);
  };
}
