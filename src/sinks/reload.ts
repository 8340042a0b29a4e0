/** What is done so that the programs behind the sinks take new values up. */
import { z } from 'zod';
import { duration } from '../config/values.ts';
import type { SinkDeps } from './define.ts';
import { exec } from './reload-exec.ts';
import { signal } from './reload-signal.ts';
import type { Sink } from './sink.ts';

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

/** `{ signal: SIGHUP, pidFile: /run/x.pid }` or `{ exec: [cmd, ...args], timeout: 10s, env: [NAME] }`. */
export const reloadStep = z
  .strictObject({
    signal: z
      .enum(signals, `one of ${signals.join(', ')}`)
      .optional()
      .describe('Sent to the process of the pidFile'),
    pidFile: text
      .regex(/^\//, 'an absolute path')
      .optional()
      .describe('Its first line is the process id; read again each time'),
    exec: z.array(text, 'a command and its arguments, as a list: no shell reads it').min(1).optional(),
    timeout: duration.optional().describe('After this the command is killed with all it started; default 10s'),
    env: z
      .array(z.string().regex(/^[A-Za-z_][A-Za-z0-9_]*$/, 'the name of an environment variable'))
      .optional()
      .describe('Variables the command gets besides PATH, HOME, LANG and TZ'),
  })
  .meta({ oneOf: [{ required: ['signal', 'pidFile'] }, { required: ['exec'] }] })
  .superRefine(
    (step, context) => {
      const problem = (path: string[], message: string) => context.addIssue({ code: 'custom', path, message });
      const isSignal = step.signal !== undefined || step.pidFile !== undefined;
      if (isSignal === (step.exec !== undefined)) {
        problem([], 'either { signal: SIGHUP, pidFile: /run/x.pid } or { exec: [command, argument] }');
      } else if (isSignal) {
        if (step.signal === undefined) problem(['signal'], 'which signal? such as signal: SIGHUP');
        if (step.pidFile === undefined) problem(['pidFile'], 'to which process? such as pidFile: /run/x.pid');
        for (const key of ['timeout', 'env'] as const) {
          if (step[key] !== undefined) problem([key], `${key} belongs to exec, not to signal`);
        }
      }
    },
    // Also where one of the words is wrong: all is told at once.
    { when: ({ value }) => typeof value === 'object' && value !== null },
  )
  .transform((step) => {
    const { exec: command = [], timeout = 10_000, env = [] } = step;
    if (step.signal !== undefined && step.pidFile !== undefined) {
      const target = { signal: step.signal, pidFile: step.pidFile };
      return { name: `${step.signal} by ${step.pidFile}`, open: (deps: SinkDeps) => signal(target, deps) };
    }
    return {
      name: `exec ${command[0]}`,
      open: (deps: SinkDeps): ReloadStep => exec({ exec: command, timeout, env }, deps),
    };
  });

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
