/** The program without its door: what it stands on, what it keeps, and who is told of it, put together for `run` and `once`. */
import { hostname } from 'node:os';
import { aborted } from './aborted.ts';
import { every, steadyClock, timer, wallClock } from './clock.ts';
import type { Configuration } from './config/configuration.ts';
import { type Duration, sayDuration, seconds } from './core/time.ts';
import { type Foundations, layFoundations } from './foundations.ts';
import { type Keeping, startKeeping } from './keeping.ts';
import type { InMemory } from './memory.ts';
import { createEpisodes, type Episodes } from './observability/episodes.ts';
import { createHealth, type Health } from './observability/health.ts';
import { createJournal } from './observability/journal.ts';
import { createLog, type Log } from './observability/log.ts';
import { createMetrics, type Metrics } from './observability/metrics.ts';
import { assets } from './observability/page/assets.ts';
import { createPage, type Page } from './observability/page/page.ts';
import { sayCount } from './observability/words.ts';
import type { ControlRequest } from './state/control-socket.ts';
import { version } from './version.ts';

export interface ProgramOptions {
  readonly configuration: Configuration;
  readonly env: Readonly<Record<string, string | undefined>>;
}

/** How long an orderly end, or the answer to `once`, may take where nobody says so. */
export const defaultEnd: Duration = 10_000;

/** A wall clock that is set again and again has the providers asked this often at most. */
const betweenSteps: Duration = seconds(60);

/** A clock so far off is somebody's to look after. */
const worthSaying: Duration = seconds(30);

const sayAhead = (provider: string, ahead: Duration): string =>
  `the clock of ${provider} is ${sayDuration(Math.abs(ahead))} ${ahead > 0 ? 'ahead of' : 'behind'} this machine's: ` +
  'its dates count, and nothing lapses by it; have both set by a time server';

const sayStep = (step: Duration): string =>
  `this machine's clock was set ${sayDuration(Math.abs(step))} ${step > 0 ? 'forward' : 'back'}; perhaps the machine ` +
  'was halted: asking all providers what time it is, and looking at everything now';

/** The share of the time to end that belongs to what is under way. The rest is for leases that end with us. */
const forWhatIsUnderWay = 0.75;

export interface Program {
  readonly log: Log;
  readonly metrics: Metrics;
  readonly health: Health;
  readonly page: Page;
  /** The configuration is another: for the journal. */
  reconfigured(): void;
  readonly keeping: Keeping | undefined;
  start(signal: AbortSignal): Promise<void>;
  /** Twice is once. `isForGood`: what is configured to end with the daemon ends. */
  end(within: Duration, isForGood?: boolean): Promise<void>;
  undelivered(): readonly string[];
}

/** Nothing is opened before `start`. `fatal` is called where the program cannot go on. */
export function prepare({ configuration, env }: ProgramOptions, fatal: (why: string) => void): Program {
  const steady = steadyClock();
  const isColoured = process.stderr.isTTY === true && !env['NO_COLOR'];
  const log = createLog({ ...configuration.log, clock: wallClock, isColoured });
  const episodes = createEpisodes(log, { clock: steady, timer });
  const metrics = createMetrics({ version, clock: steady, wall: wallClock });
  const health = createHealth({ clock: steady });
  let isRedisUp = true;
  const startedAt = wallClock.now();
  const page = createPage({
    clock: steady,
    wall: wallClock,
    timer,
    assets,
    host: configuration.page?.host ?? '',
    daemon: () => {
      const { isReady } = health.readiness();
      return { version, host: hostname(), pid: process.pid, startedAt, isReady, isRedisUp };
    },
  });
  const journal = createJournal({
    directory: configuration.state.dataDir,
    wall: wallClock,
    version,
    onTrouble: (code, lost) => {
      const where = configuration.state.dataDir;
      if (code === undefined)
        episodes.end('history', `the history is written again; ${sayCount(lost, 'act')} are missing in it`);
      else
        episodes.begin('history', 'warn', `the history cannot be written in ${where} (${code}); nothing else suffers`);
    },
  });
  let foundations: Foundations | undefined;
  let keeping: Keeping | undefined;
  let begin = () => {};
  const begun = new Promise<void>((resolve) => {
    begin = resolve;
  });
  let isEnding = false;
  let stopWatching = () => {};
  const undelivered = () => keeping?.undelivered() ?? configuration.secrets.map(({ name }) => name);

  const answer = async (request: ControlRequest): Promise<unknown> => {
    if (request.op !== 'once') throw new Error('this version of the daemon does not answer that yet');
    const limit = AbortSignal.timeout(request.timeout ?? defaultEnd);
    // It may just be starting.
    await Promise.race([begun, aborted(limit)]);
    const late = () => new Error(`not delivered in time: ${undelivered().join(', ')}`);
    if (!keeping) throw late();
    await keeping.delivered(limit).catch(() => {
      throw late();
    });
    return { delivered: true };
  };

  /** What happened meanwhile nobody has seen, and what was due is overdue. */
  const watchSleep = () => {
    const slept = steady.catchUp();
    if (slept === 0) return;
    log.warn(`the machine slept for ${sayDuration(slept)}: looking at everything now`);
    keeping
      ?.lookAtEverything()
      .catch((error: unknown) => log.warn('looking at everything after the sleep failed', { err: error }));
  };

  let askedAt = Number.NEGATIVE_INFINITY;
  /** Halted, a machine does not know how long it was. Its wall clock is believed by nobody: the providers know. */
  const watchWall = () => {
    if (steady.now() - askedAt < betweenSteps) return;
    const step = steady.wallStep();
    if (step === 0) return;
    askedAt = steady.now();
    log.warn(sayStep(step));
    keeping
      ?.learnTimeAnew()
      .catch((error: unknown) => log.warn('looking at everything after the clock was set failed', { err: error }));
  };

  return {
    log,
    metrics,
    health,
    page,
    reconfigured: () => journal.note('reconfigured'),
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
          isRedisUp = isUp;
          if (isEnding) return;
          if (isUp) episodes.end('redis', 'Redis answers');
          else episodes.begin('redis', 'warn', 'Redis does not answer: everything is kept from memory until it does');
        },
        onRedisEvicting: (policy) => {
          metrics.redisEvicting(policy !== undefined);
          if (policy === undefined) episodes.end('evicting', 'Redis evicts no keys any more when its memory is full');
          else
            episodes.begin(
              'evicting',
              'error',
              `Redis evicts keys when its memory is full (maxmemory-policy ${policy}), and records with them: set it to noeviction`,
            );
        },
        onRedisError: (error) => log.warn('Redis cannot be asked', { err: error }),
        onRedisDeath: (how, pause, redis) =>
          log.warn(`the embedded Redis ended (${how}); it is started again in ${sayDuration(pause)}`, {
            ...(redis !== undefined && { redis }),
          }),
        onRedisDamage: (words) => log.error(words),
        onWarning: (text) => log.warn(text),
        onLost: ({ host, pid }) => {
          log.error(`the daemon ${pid} on ${host} works under our prefix in Redis now: ending`);
          fatal('lost the prefix');
        },
        onUnreadable: (secret, because) =>
          log.error(`what Redis remembers of ${secret} cannot be read, and counts as lost`, { secret, because }),
        onRolledBack: (secret) =>
          log.warn('Redis has gone back in time: what it lost is written back from memory', { secret }),
        onNews: (text) => log.info(text),
      });
      journal.note('started');
      keeping = await startKeeping({
        configuration,
        foundations,
        env,
        listeners: [log, metrics, health, page, journal],
        steady,
        wall: wallClock,
        onRequest: (provider, request) => metrics.onRequest(provider, request),
        onSkew: (provider, skew) => {
          metrics.onSkew(provider, skew);
          const ahead = skew + steady.now() - wallClock.now();
          if (Math.abs(ahead) >= worthSaying) log.warn(sayAhead(provider, ahead));
        },
        onError: (doing, error) => log.warn(`${doing} failed`, { err: error }),
        onMemory: (secret, what, error) => sayMemory(log, episodes, secret, what, error),
      });
      begin();
      metrics.queueCounts(keeping.counts);
      metrics.keptFromMemory(keeping.keptFromMemory);
      stopWatching = every(seconds(1), () => {
        watchSleep();
        watchWall();
      });
    },
    async end(within, isForGood = false) {
      isEnding = true;
      stopWatching();
      const limit = AbortSignal.timeout(within);
      await keeping?.rest(isForGood ? AbortSignal.timeout(within * forWhatIsUnderWay) : limit);
      const left = isForGood ? await keeping?.endLeases(limit) : undefined;
      if (left?.length) log.always('warn', `not all leases of ${left.join(', ')} could be ended: the next start will`);
      await keeping?.close();
      if (foundations) journal.note('ended');
      await journal.close();
      await foundations?.close();
      foundations = undefined;
      episodes.close();
    },
  };
}

function sayMemory(log: Log, episodes: Episodes, secret: string, what: InMemory, error: unknown): void {
  const ofIt = { secret, ...(error !== undefined && { err: error }) };
  const kept = `memory of ${secret}`;
  if (what === 'kept')
    episodes.begin(kept, 'warn', `Redis cannot be told of ${secret}: from here on it is kept from memory`, ofIt);
  else if (what === 'back') episodes.end(kept, `Redis knows all of ${secret} again`, ofIt);
  else log.error(`Redis was not told all of ${secret}: a lease taken meanwhile may be left to its TTL`, ofIt);
}
