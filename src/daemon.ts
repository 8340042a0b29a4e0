/** The composition root: starts everything in the order in which each depends on the last, and ends it in the reverse. */
import { aborted } from './aborted.ts';
import { timer } from './clock.ts';
import type { Configuration } from './config/configuration.ts';
import { type Duration, sayDuration } from './core/time.ts';
import { Occupied, occupant } from './foundations.ts';
import { lastWords } from './last-words.ts';
import { type Address, type HttpServer, serveHttp } from './observability/http.ts';
import { observabilityRoutes } from './observability/routes.ts';
import { sayCount } from './observability/words.ts';
import { defaultEnd, type Program, type ProgramOptions, prepare } from './prepare.ts';
import { onSignals } from './process-signals.ts';
import { type ReconfigureOptions, reconfigured } from './reconfigure.ts';
import { ask } from './state/control-socket.ts';
import { version } from './version.ts';

export { wallClock } from './clock.ts';
export { historyIn, sayEntry } from './observability/history.ts';

export interface RunOptions extends ProgramOptions, ReconfigureOptions {
  readonly shutdownTimeout: Duration;
}

export interface OnceOptions extends ProgramOptions {
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
  let present = configuration;
  let begun = () => {};
  // One change after the other, and the first when there is something to be changed: a signal at the start is not lost.
  let reloading = new Promise<void>((resolve) => {
    begun = resolve;
  });
  const reconfigure = async () => {
    if (!ending.signal.aborted) present = (await reconfigured(options, program, present)) ?? present;
  };
  const stopListening = onSignals({
    TERM: (name) => {
      if (ending.signal.aborted) {
        log.always('error', `${name} for the second time: ending at once`);
        return void log.close().finally(() => process.exit(1));
      }
      log.always('info', `${name}: finishing what is under way, for ${sayDuration(shutdownTimeout)} at most`);
      ending.abort(name);
    },
    HUP: () => {
      reloading = reloading.then(reconfigure).catch((error: unknown) => {
        log.always('error', 'HUP failed', { err: error });
      });
    },
    USR2: () => {
      log.always('info', 'USR2: looking at everything now');
      program.keeping
        ?.lookAtEverything()
        .catch((error: unknown) => log.warn('looking at everything failed', { err: error }));
    },
  });
  try {
    const server = await serveHttp({
      listen: configuration.http,
      setting: 'http.listen',
      route: observabilityRoutes(health, metrics),
      onError: (error) => log.warn('a request to http.listen failed', { err: error }),
    }).catch(async (error: unknown) => {
      // It is the daemon that works here which has the port: that one is to be named.
      throw (await occupant(configuration.state.dataDir, options.env)) ?? error;
    });
    const page = await openPage(configuration, program);
    try {
      await program.start(ending.signal);
      const secrets = sayCount(configuration.secrets.length, 'secret');
      const shown = page ? `, status page at ${urlOf(page.address)}` : '';
      log.info(
        `leasekeeper ${version} keeps ${secrets} of ${file}; probes and metrics at ${urlOf(server.address)}${shown}`,
        {
          pid: process.pid,
          dataDir: configuration.state.dataDir,
        },
      );
      begun();
      await aborted(ending.signal);
    } finally {
      await program.end(shutdownTimeout, exitCode === 0);
      await page?.close();
      await server.close();
    }
  } catch (error) {
    if (!ending.signal.aborted) {
      exitCode = 1;
      log.error(lastWords(error), { err: error });
    }
  }
  stopListening();
  log.info('ended');
  await log.close();
  return exitCode;
}

/** A page is a comfort: a daemon that cannot show it keeps its secrets all the same. */
async function openPage({ page }: Configuration, { log, page: { route } }: Program): Promise<HttpServer | undefined> {
  if (!page) return undefined;
  try {
    return await serveHttp({
      listen: page,
      setting: 'page.listen',
      route,
      onError: (error) => log.warn('a request to page.listen failed', { err: error }),
    });
  } catch (error) {
    log.warn(`${lastWords(error)}: there is no status page; all else works`);
    return undefined;
  }
}

const urlOf = ({ host, port }: Address): string => `http://${host.includes(':') ? `[${host}]` : host}:${port}`;

/** Answers with false: nobody else did it. */
async function alone(program: Program, signal: AbortSignal): Promise<false> {
  try {
    await program.start(signal);
    await program.keeping?.delivered(signal);
    return false;
  } finally {
    await program.end(defaultEnd);
  }
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
    const isDoneByOther = async () =>
      (await ask(dataDir, { op: 'once', timeout }, timeout, env['XDG_RUNTIME_DIR'])) !== undefined;
    let isByOther = await isDoneByOther();
    if (!isByOther) {
      isByOther = await alone(program, ending.signal).catch(async (error: unknown) => {
        // It began between our question and our start.
        if (error instanceof Occupied && (await isDoneByOther())) return true;
        throw error;
      });
    }
    log.info(isByOther ? 'the daemon that works here has delivered everything' : 'everything is delivered');
  } catch (error) {
    exitCode = 1;
    const owed = program.undelivered();
    const still = owed.length > 0 ? `; not delivered: ${owed.join(', ')}` : '';
    const what = ending.signal.reason === 'timeout' ? `not done within ${sayDuration(timeout)}` : lastWords(error);
    log.error(`${what}${still}`, { err: error });
  }
  cancel();
  stopListening();
  await log.close();
  return exitCode;
}
