/** What is done so that the programs behind the sinks take new values up. */
import { z } from 'zod';
import { duration } from '../config/values.ts';
import { type Duration, hours, minutes, sayDuration, seconds } from '../core/time.ts';
import { tls } from '../http/tls.ts';
import type { SinkDeps } from './define.ts';
import { expected, isSuccess } from './expected.ts';
import { exec } from './reload-exec.ts';
import { reloadHttp } from './reload-http.ts';
import { signalByName } from './reload-process.ts';
import { signal } from './reload-signal.ts';
import type { Sink } from './sink.ts';
import { together } from './together.ts';
import { address, shown } from './webhook/address.ts';
import { faultOfHeader, headers } from './webhook/headers.ts';

/**
 * Run once per generation, and again until it succeeds: also when the program was not running yet. It must therefore
 * do no harm when it is repeated. Throws `LeaseError`; rejects soon after the signal aborts.
 */
export interface ReloadStep {
  run(signal: AbortSignal): Promise<void>;
}

/** Signals that mean something to a program that goes on living, or that a supervisor answers with a restart. */
const signals = ['SIGHUP', 'SIGUSR1', 'SIGUSR2', 'SIGWINCH', 'SIGINT', 'SIGTERM', 'SIGQUIT'] as const;

const text = z
  .string()
  .min(1)
  .regex(/^[^\0]*$/, 'no NUL in here');

const options = z.strictObject({
  signal: z
    .enum(signals, `one of ${signals.join(', ')}`)
    .optional()
    .describe('Sent to the process of the pidFile, or to those of that name'),
  pidFile: text
    .regex(/^\//, 'an absolute path')
    .optional()
    .describe('Its first line is the process id; read again each time'),
  process: text
    .regex(/^[^/]*$/, 'the name of a process, without its path')
    .optional()
    .describe('The name of a program whose processes we can see: in Kubernetes by shareProcessNamespace: true'),
  exec: z.array(text, 'a command and its arguments, as a list: no shell reads it').min(1).optional(),
  env: z
    .array(z.string().regex(/^[A-Za-z_][A-Za-z0-9_]*$/, 'the name of an environment variable'))
    .optional()
    .describe('Variables the command gets besides PATH, HOME, LANG and TZ'),
  http: address.optional(),
  method: z.enum(['POST', 'PUT', 'GET']).optional().describe('Default: POST'),
  headers: headers.unwrap().optional(),
  expect: expected.optional().describe('The status of a yes: 200, 2xx, or a list of them. Default: 2xx'),
  tls: tls.optional().describe('Whom to trust there, and what to show of ourselves'),
  timeout: duration
    .optional()
    .describe('After this the command is killed with its process group, or no answer waited for. Default: 10s'),
});

const kinds = ['signal', 'exec', 'http'] as const;
type Kind = (typeof kinds)[number];

/** Whose option each is. */
const owners = {
  pidFile: ['signal'],
  process: ['signal'],
  timeout: ['exec', 'http'],
  env: ['exec'],
  method: ['http'],
  headers: ['http'],
  expect: ['http'],
  tls: ['http'],
} as const satisfies Readonly<Record<string, readonly Kind[]>>;

const either =
  'either { signal: SIGHUP, pidFile: /run/x.pid }, { signal: SIGHUP, process: nginx }, { exec: [command, argument] } ' +
  'or { http: https://host/path }';

/** One step: a signal to the process of a pidfile or to those of a name, a command, or a request. */
export const reloadStep = together(
  options.meta({
    oneOf: [['signal', 'pidFile'], ['signal', 'process'], ['exec'], ['http']].map((required) => ({ required })),
  }),
  (step, problem, wrong) => {
    const { signal, pidFile, process } = step;
    const isThere = (option: keyof typeof step) => step[option] !== undefined || wrong.has(option);
    const isSignal = isThere('signal') || isThere('pidFile') || isThere('process');
    const chosen = kinds.filter((kind) => (kind === 'signal' ? isSignal : isThere(kind)));
    const [kind] = chosen;
    if (kind === undefined || chosen.length > 1) return problem([], either);
    for (const [option, whose] of Object.entries(owners) as [keyof typeof owners, readonly Kind[]][]) {
      if (step[option] === undefined || whose.includes(kind)) continue;
      problem([option], `${option} belongs to ${whose.join(' or ')}, not to ${kind}`);
    }
    if (kind === 'signal') {
      if (signal === undefined) problem(['signal'], 'which signal? such as signal: SIGHUP');
      if (!isThere('pidFile') && !isThere('process')) {
        problem(['pidFile'], 'to which process? such as pidFile: /run/x.pid, or process: nginx');
      }
      if (pidFile !== undefined && process !== undefined) {
        problem(['process'], 'two answers to one question: remove pidFile or process');
      }
    }
    for (const [name, value] of Object.entries(step.headers ?? {})) {
      const fault = faultOfHeader(name, value);
      if (fault !== undefined) problem(['headers', name], fault);
    }
  },
).transform((step) => {
  const { exec: command = [], timeout = seconds(10), env = [], signal: sent, pidFile, process, http } = step;
  if (http !== undefined) {
    const { method = 'POST', headers = {}, expect = isSuccess, tls } = step;
    const request = { http, method, headers, expect, tls, timeout };
    return { name: `${method} to ${shown(http)}`, open: (deps: SinkDeps) => reloadHttp(request, deps) };
  }
  if (sent !== undefined && pidFile !== undefined) {
    return { name: `${sent} by ${pidFile}`, open: (deps: SinkDeps) => signal({ signal: sent, pidFile }, deps) };
  }
  if (sent !== undefined && process !== undefined) {
    return { name: `${sent} to ${process}`, open: (deps: SinkDeps) => signalByName({ signal: sent, process }, deps) };
  }
  return {
    name: `exec ${command[0]}`,
    open: (deps: SinkDeps): ReloadStep => exec({ exec: command, timeout, env }, deps),
  };
});

/** A step that is configured. */
export interface ReloadConfiguration {
  /** For people. */
  readonly name: string;
  readonly open: (deps: SinkDeps) => ReloadStep;
}

/** What a secret has done once all its sinks hold new values. */
export interface Reloads {
  readonly steps: readonly ReloadConfiguration[];
  /** So long after the first change: what else changes meanwhile is taken up with it. */
  readonly debounce: Duration;
  /** Up to so long after that: each machine another time, always the same. */
  readonly splay: Duration;
}

const upTo = (most: Duration) =>
  duration.refine((length) => length <= most, `longer than ${sayDuration(most)}: write less`);

/** The steps alone, or together with when. */
export const reloads = z
  .union(
    [
      z.array(reloadStep),
      z.strictObject({
        steps: z.array(reloadStep).min(1, 'no steps: write at least one').describe('Run in this order'),
        debounce: upTo(minutes(10))
          .prefault('0s')
          .describe(
            'Wait so long after the first change: what else changes meanwhile is taken up in the same run. Default: 0s',
          ),
        splay: upTo(hours(1))
          .prefault('0s')
          .describe(
            'Wait a share of this besides, another one on each machine, so that a fleet does not reload at once. Default: 0s',
          ),
      }),
    ],
    'not a list of steps: write [{ signal: SIGHUP, pidFile: /run/x.pid }], or { steps: [ … ], debounce: 5s, splay: 30s }',
  )
  .default([])
  .transform((given): Reloads => (Array.isArray(given) ? { steps: given, debounce: 0, splay: 0 } : given));

/** All of them, in order. The first that fails ends it, and the next time begins with the first again. */
export const reloadAll =
  (steps: readonly ReloadStep[]) =>
  async (signal: AbortSignal): Promise<void> => {
    for (const step of steps) await step.run(signal);
  };

/** The sink, with these steps after its own reload. */
export function withReload(sink: Sink, steps: readonly ReloadStep[]): Sink {
  if (steps.length === 0) return sink;
  const reload = async (signal: AbortSignal) => {
    await sink.reload?.(signal);
    await reloadAll(steps)(signal);
  };
  return { ...sink, reload };
}
