/** Errors as the log may show them: our own words whole, of all others only what cannot quote a value. */
import { LeaseError, ProviderBlocked } from '../core/failure.ts';

export interface SafeError {
  readonly type: string;
  readonly code?: string;
  readonly statusCode?: number;
  /** Ours only. */
  readonly message?: string;
  readonly unsure?: true;
  readonly until?: string;
  /** Where it came from: functions, files and lines. */
  readonly stack?: readonly string[];
  readonly cause?: SafeError;
  readonly errors?: readonly SafeError[];
}

const depth = 4;
const frames = 12;

/** A name ends like a class of errors; anything else may be part of a message. */
const namePattern = /^[A-Z][A-Za-z]{0,60}(?:Error|Exception)$/;
/** What Node, undici and OpenSSL call their errors. */
const codePattern = /^(?:E[A-Z]{2,14}(?:_[A-Z]+)*|(?:ERR|UND_ERR)_[A-Z0-9_]{2,50}|[A-Z]+(?:_[A-Z]+){1,6})$/;
/** One frame of a stack, and nothing around it. */
const framePattern =
  /^ {4}at (?:async )?(?:(?:new )?[\w$.<># ]{1,80}(?: \[as [\w$.]+\])? )?\(?(?:node:|file:\/\/|\/)[^\s()]*:\d+:\d+\)?$/;

/** Never throws, whatever it is given; getters of foreign errors are not called twice. */
export function safeError(error: unknown, level = depth): SafeError {
  try {
    return level > 0 ? describe(error, level) : { type: 'Error' };
  } catch {
    return { type: 'Error' };
  }
}

function describe(error: unknown, level: number): SafeError {
  if (!(error instanceof Error)) return { type: error === null ? 'null' : typeof error };
  const { cause } = error;
  const origin = cause === undefined ? {} : { cause: safeError(cause, level - 1) };
  if (error instanceof ProviderBlocked) {
    return { type: 'ProviderBlocked', code: error.because, ...origin, ...dated(error.until) };
  }
  if (error instanceof LeaseError) {
    const { code, message, unsure, notBefore } = error;
    return {
      type: 'LeaseError',
      code,
      message,
      ...(unsure && { unsure: true }),
      ...dated(notBefore),
      ...origin,
    };
  }
  const { name, code, statusCode } = error as Error & { readonly code?: unknown; readonly statusCode?: unknown };
  const stack = framesOf(error);
  return {
    type: typeof name === 'string' && namePattern.test(name) ? name : 'Error',
    ...(typeof code === 'string' && codePattern.test(code) && { code }),
    ...(typeof statusCode === 'number' && statusCode >= 100 && statusCode <= 599 && { statusCode }),
    ...(stack.length > 0 && { stack }),
    ...origin,
    ...(error instanceof AggregateError && {
      errors: error.errors.slice(0, 5).map((each: unknown) => safeError(each, level - 1)),
    }),
  };
}

const dated = (at: number | undefined) =>
  at !== undefined && Number.isFinite(at) ? { until: new Date(at).toISOString() } : {};

/** What stands before the message: a class, and what Node calls the error. */
const headPattern = /^[\w$]+(?: \[[A-Z0-9_]+\])?(?:: )?$/;

/** Name and message stand at the head of a stack, and may have lines that look like frames: none is believed before their end. */
function framesOf({ stack, name, message }: Error): readonly string[] {
  if (typeof stack !== 'string' || typeof message !== 'string' || !/^[\w$]+$/.test(name)) return [];
  const start = message === '' ? stack.indexOf('\n') : stack.indexOf(message);
  // One of them was changed before or after the stack was taken: where they end there cannot be told.
  if (start < 0 || !headPattern.test(stack.slice(0, start))) return [];
  const lines = stack
    .slice(start + message.length)
    .split('\n')
    .slice(1);
  return lines
    .filter((line) => framePattern.test(line))
    .slice(0, frames)
    .map((line) => line.trim());
}
