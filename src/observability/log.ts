/** What the operator reads: one line per change of state, JSON or for a terminal, and never a value. */
import { pino } from 'pino';
import { timer } from '../clock.ts';
import { type Clock, type Duration, seconds } from '../core/time.ts';
import type { KeeperEvent, Subject } from '../keeper/events.ts';
import { createNarrator } from './narrator.ts';
import { pretty } from './pretty.ts';
import { createRepetition } from './repetition.ts';
import { safeError } from './safe-error.ts';
import { type Output, standardError } from './standard-error.ts';

export type Level = 'debug' | 'info' | 'warn' | 'error';

/** Plain facts. `err` may be anything thrown: only what cannot quote a value is shown of it. */
export interface Fields {
  readonly err?: unknown;
  readonly [name: string]: unknown;
}

/** The same words are said once a minute. */
type Say = (message: string, fields?: Fields) => void;

export interface Log {
  /** Decisions. Never left out. */
  readonly debug: Say;
  /** Something was done, or is well again. */
  readonly info: Say;
  /** Needs a person's attention soon. */
  readonly warn: Say;
  /** Needs a person's attention now. */
  readonly error: Say;
  /** What a person asked for, or the end of what was said before: never left out. */
  always(level: Level, message: string, fields?: Fields): void;
  /** Never throws. */
  listen(event: KeeperEvent): void;
  watch(subject: Subject): void;
  forget(secret: string): void;
  /** From now on. */
  setLevel(level: Level): void;
  /** Nothing is said of the secrets after this, and all that was said is written. Twice is once. */
  close(): Promise<void>;
}

export interface LogOptions {
  readonly level: Level;
  readonly format: 'json' | 'pretty';
  /** The wall clock: the time of each line. */
  readonly clock: Clock;
  /** Absent: standard error, written without holding up anything. */
  readonly to?: Pick<Output, 'write'>;
  /** For `pretty`: is it a terminal? */
  readonly isColoured?: boolean;
  /** For tests with a steered clock. */
  readonly timer?: typeof timer;
}

/** A second net: nobody should log these, and no value is ever under another name by intention. */
const redacted = ['password', 'token', 'accessToken', 'clientSecret', 'authorization', 'material', 'value'];

/** A reader that stands still does not hold up the exit. */
const flushPatience: Duration = seconds(1);

export function createLog(options: LogOptions): Log {
  const { level, format, clock } = options;
  const own = options.to ? undefined : standardError();
  const target = options.to ?? own ?? { write: () => {} };
  const isColoured = options.isColoured ?? false;
  const out = format === 'json' ? target : { write: (json: string) => target.write(pretty(json, isColoured)) };
  const logger = pino(
    {
      level,
      base: null,
      redact: redacted,
      // `safeFields` has made it safe already, and pino's own would call it an object.
      serializers: { err: (safe: unknown) => safe },
      timestamp: () => `,"time":"${new Date(clock.now()).toISOString()}"`,
      formatters: { level: (label) => ({ level: label }) },
    },
    out,
  );
  const isNew = createRepetition(clock);

  /** Answers whether it was printed. */
  const say = (at: Level, message: string, fields: Fields = {}, cause?: string): boolean => {
    if (!logger.isLevelEnabled(at)) return false;
    const suppressed = at === 'debug' || cause === undefined ? 0 : isNew(`${at} ${cause}`);
    if (suppressed === undefined) return false;
    const more = suppressed > 0 ? { repeated: suppressed } : {};
    const words = suppressed > 0 ? `${message} (and ${suppressed} more like this before it)` : message;
    logger[at]({ ...safeFields(fields), ...more }, words);
    return true;
  };

  const narrator = createNarrator({
    clock,
    timer: options.timer ?? timer,
    isDebug: () => logger.isLevelEnabled('debug'),
    tell: ({ level: at, message, fields, cause }) => say(at, message, fields, cause),
  });
  return {
    debug: (message, fields) => void say('debug', message, fields, message),
    info: (message, fields) => void say('info', message, fields, message),
    warn: (message, fields) => void say('warn', message, fields, message),
    error: (message, fields) => void say('error', message, fields, message),
    always: (level, message, fields) => void say(level, message, fields),
    listen: narrator.listen,
    watch: narrator.watch,
    forget: narrator.forget,
    setLevel: (next) => {
      logger.level = next;
    },
    close: async () => {
      narrator.close();
      await own?.flush(flushPatience);
    },
  };
}

/** Only what is plainly a fact: an object may be an error or carry one, with whatever somebody put on it. */
function safeFields(fields: Fields): Record<string, unknown> {
  const safe = Object.entries(fields).map(([name, value]) => {
    if (name === 'err' || value instanceof Error) return [name, safeError(value)];
    const isPlain = (one: unknown) => ['string', 'number', 'boolean', 'undefined'].includes(typeof one);
    if (isPlain(value) || value === null || (Array.isArray(value) && value.every(isPlain))) return [name, value];
    return [name, '[omitted]'];
  });
  return Object.fromEntries(safe);
}
