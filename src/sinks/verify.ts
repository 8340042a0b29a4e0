/** How new values are proven before any sink sees them: by a command, by a request, or by whether a place can be reached. */
import { z } from 'zod';
import { duration } from '../config/values.ts';
import type { Material } from '../core/material.ts';
import { seconds } from '../core/time.ts';
import { tls } from '../http/tls.ts';
import type { SinkDeps } from './define.ts';
import { expected } from './expected.ts';
import { keys } from './render.ts';
import { together } from './together.ts';
import { endpoint } from './verify-endpoint.ts';
import { faultsOfVariables, verifyExec } from './verify-exec.ts';
import { faultsOfShowing, verifyHttp } from './verify-http.ts';
import { place, verifyTcp } from './verify-tcp.ts';

/**
 * Throws `LeaseError`: `invalid` where the values do not work, which rejects them; `unavailable` where nobody could say,
 * which does not. Rejects soon after the signal aborts. No error contains a value.
 */
export type Verify = (material: Material, signal: AbortSignal) => Promise<void>;

export interface Verification {
  /** For people. */
  readonly name: string;
  /** Give out what could not be proven, when what is in use is about to end. */
  readonly trusts: boolean;
  readonly open: (deps: SinkDeps) => Verify;
}

const text = z
  .string()
  .min(1)
  .regex(/^[^\0]*$/, 'no NUL in here');

const key = z
  .string('the name of a key of the values, such as DB_PASSWORD')
  .min(1)
  .describe('The name of a key of the values');

/** Which options belong to which way of asking. */
const own = {
  exec: ['values', 'keys', 'env'],
  http: ['method', 'expect', 'basic', 'bearer', 'headers', 'tls'],
  tcp: [],
} as const;
type Way = keyof typeof own;
const ways = Object.keys(own) as readonly Way[];

const either = 'one way of asking: exec: [command, argument], or http: https://host/path, or tcp: "host:port"';

const options = z.strictObject({
  exec: z
    .array(text, 'a command and its arguments, as a list: no shell reads it')
    .min(1)
    .optional()
    .describe(
      'Exit code 0: the values work; 75: it cannot say; 126, 127 and above 128: it could not be run; any other: they do not',
    ),
  values: z
    .enum(['stdin', 'env'])
    .optional()
    .describe(
      'How the command gets them: as JSON on its standard input (default), or in the variables that keys: names',
    ),
  keys: keys.unwrap().optional().describe('Which keys the command gets and under which names; default: all of them'),
  env: z
    .array(z.string().regex(/^[A-Za-z_][A-Za-z0-9_]*$/, 'the name of an environment variable'))
    .optional()
    .describe('Variables of ours the command gets besides PATH, HOME, LANG and TZ'),
  http: endpoint.optional().describe('Asked with the values; plain http:// only to loopback'),
  method: z.enum(['GET', 'POST']).optional().describe('Default: GET'),
  expect: expected.optional().describe('The status of a yes: 200, 2xx, or a list of them. Default: 2xx'),
  basic: z.strictObject({ username: key, password: key }).optional().describe('The keys that hold user and password'),
  bearer: key.optional().describe('The key that holds the token'),
  headers: z.record(z.string(), key).optional().describe('Header names, each with the key that holds its value'),
  tls: tls.optional().describe('Whom to trust there, and what to show of ourselves'),
  tcp: place
    .optional()
    .describe('Reachable is enough: "host:port", or the keys that hold them { host: HOST, port: PORT }'),
  timeout: duration
    .refine((length) => length >= seconds(1) && length <= seconds(30), 'between 1s and 30s')
    .optional()
    .describe('How long to wait for an answer. Default: 10s'),
  onError: z
    .enum(['deliver', 'wait'], 'what if nobody can be asked? deliver, or wait')
    .default('deliver')
    .describe('Where nobody can be asked until what is in use is about to end: deliver all the same, or wait'),
});

/** `verify:` of a secret. */
export const verification = together(
  options.meta({ oneOf: ways.map((way) => ({ required: [way] })) }),
  (given, problem, wrong) => {
    const chosen = ways.filter((way) => given[way] !== undefined || wrong.has(way));
    if (chosen.length !== 1)
      return problem([], chosen.length === 0 ? `how are they proven? by ${either}` : `write only ${either}`);
    for (const way of ways) {
      for (const option of own[way]) {
        if (way !== chosen[0] && given[option] !== undefined)
          problem([option], `${option} belongs to ${way}: remove it`);
      }
    }
    if (given.exec) for (const [path, fault] of faultsOfVariables(given)) problem(path, fault);
    if (given.http !== undefined) for (const [path, fault] of faultsOfShowing(given)) problem(path, fault);
  },
).transform((given): Verification => {
  const { exec, http, tcp, onError, timeout = seconds(10) } = given;
  const trusts = onError === 'deliver';
  if (exec) {
    const { values = 'stdin', keys = 'all', env = [] } = given;
    return { name: `exec ${exec[0]}`, trusts, open: (deps) => verifyExec({ exec, values, keys, env, timeout }, deps) };
  }
  if (http !== undefined) {
    return { name: `http ${http.host}`, trusts, open: (deps) => verifyHttp({ ...given, to: http, timeout }, deps) };
  }
  const target = tcp ?? { host: '', port: '' };
  return { name: 'tcp', trusts, open: () => verifyTcp({ target, timeout }) };
});
