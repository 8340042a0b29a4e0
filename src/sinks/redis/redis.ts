/** A sink that is one key of a Redis: a hash of the values or one text, replaced whole, never by what is older. */
import { createHash, createHmac, timingSafeEqual } from 'node:crypto';
import { z } from 'zod';
import { credential } from '../../config/credential.ts';
import { duration } from '../../config/values.ts';
import { LeaseError } from '../../core/failure.ts';
import type { Material } from '../../core/material.ts';
import { type Duration, hours, seconds } from '../../core/time.ts';
import { hostOf, isLoopback } from '../../http/proxy.ts';
import { tls } from '../../http/tls.ts';
import { sorted } from '../believed.ts';
import { defineSink, type SinkDeps } from '../define.ts';
import { entriesOf, type Keys, render } from '../render.ts';
import type { Sink } from '../sink.ts';
import { unfitForShell } from '../variable-names.ts';
import { type RedisPlace, type Run, withRedis } from './connection.ts';
import * as scripts from './scripts.ts';

export interface RedisOptions extends RedisPlace {
  readonly key: string;
  readonly as: 'hash' | 'string';
  /** For `string`: how the values become one text. */
  readonly format?: 'dotenv' | 'json' | undefined;
  readonly keys: Keys;
  readonly ttl?: Duration | undefined;
  readonly publish?: string | undefined;
}

const text = z.string().regex(/^[^\p{C}]+$/u, 'a text of one line');

/** A sink is asked every hour whether it still holds what it should, and lives on from then. */
const shortestTtl: Duration = hours(3);

export const redis = defineSink(
  'redis',
  {
    url: z
      .string('not the address of a Redis: write rediss://host:6379/0')
      .superRefine((url, context) => {
        const fault = faultOf(url);
        if (fault !== undefined) context.addIssue({ code: 'custom', message: fault });
      })
      .describe('rediss://host:6379/0; redis:// without TLS only to loopback. No credential in it'),
    username: text.optional().describe('For a Redis with access control lists'),
    password: credential.optional().describe('Read again each time'),
    tls: tls.optional().describe('Whom to trust there, and what to show of ourselves'),
    key: text.describe('Where the values go'),
    as: z
      .enum(['hash', 'string'])
      .default('hash')
      .describe('A hash with a field for each value, or one text with all of them'),
    format: z.enum(['dotenv', 'json']).optional().describe('Of the text, where it is one. Default: json'),
    ttl: duration
      .refine((length) => length >= shortestTtl, 'so long a key is not kept alive: 3h or more')
      .optional()
      .describe('The key vanishes when nobody has kept it alive for so long, 3h or more. Default: it stays'),
    publish: text.optional().describe('A channel on which each new sequence is told; never a value'),
    timeout: duration
      .refine((length) => length >= seconds(1) && length <= seconds(30), 'between 1s and 30s')
      .prefault('5s')
      .describe('How long to wait for each answer. Default: 5s'),
  },
  {
    check({ url, tls, as, format, keys = 'all', username, password }, problem) {
      if (tls && url?.startsWith('redis:')) problem(['tls'], 'tls on a url without it: write rediss:// instead');
      if (as === 'hash' && format !== undefined) problem(['format'], 'format belongs to as: string');
      for (const name of format === 'dotenv' && keys !== 'all' ? Object.keys(keys) : []) {
        const reason = unfitForShell(name);
        if (reason) problem(['keys', name], reason);
      }
      if (username !== undefined && password === undefined) {
        problem(['username'], 'a user without a password: write password: { file: /path } beside it');
      }
    },
    target: ({ url, key }) => `${new URL(url).host}${new URL(url).pathname.replace(/^\/0?$/, '')}/${key}`,
    open: (options, deps) => redisSink(options, deps),
  },
);

/** What is wrong with the address. Nothing of it is repeated: it may hold a password. */
function faultOf(text: string): string | undefined {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (!url || url.hostname === '' || !['redis:', 'rediss:'].includes(url.protocol)) {
    return 'not the address of a Redis: write rediss://host:6379/0';
  }
  if (url.username !== '' || url.password !== '') {
    return 'a URL with a credential in it: write username: NAME and password: { file: /path } beside the url';
  }
  if (!/^\/?\d{0,5}$/.test(url.pathname)) return 'a database of Redis is a number: end the url with /0';
  if (url.search !== '' || url.hash !== '') return 'a URL with options in it: remove what follows the ? or #';
  if (url.protocol === 'redis:' && !isLoopback(hostOf(url))) {
    return 'redis:// would show every value to the network: write rediss:// instead';
  }
  return undefined;
}

/** The sink on its own, for who has the options already. */
export function redisSink(options: RedisOptions, { markKey, env }: Pick<SinkDeps, 'markKey' | 'env'>): Sink {
  const { key, as, format = 'json', keys, ttl, publish } = options;
  const names = ['', ':leasekeeper', ':leasekeeper:new', ':leasekeeper:note'].map((end) => key + end);
  const shape = createHash('sha256')
    .update(JSON.stringify([as, as === 'string' && format, sorted(keys), ttl !== undefined]))
    .digest('base64url')
    .slice(0, 12);
  const markOf = (content: readonly string[]) =>
    `${shape}.${createHmac('sha256', markKey)
      .update(JSON.stringify(inOrder(content)))
      .digest('base64url')}`;
  const contentOf = (material: Material): readonly string[] =>
    as === 'hash'
      ? ['hash', ...entriesOf(material, { keys }).flat()]
      : ['string', render(material, { format, keys }).toString()];
  const at = <T>(signal: AbortSignal, work: (run: Run) => Promise<T>) => withRedis(options, env, signal, work);
  const found = async (run: Run) => {
    const [mark, content] = (await run(scripts.read, names, [])) as [string, readonly string[]];
    return { mark, content };
  };

  return {
    saysUnsure: true,
    check: (signal) => at(signal, async (run) => judge(await run(scripts.check, names, [as]), options)),
    isTaken: (signal) =>
      at(signal, async (run) => {
        const [kind, mark] = (await run(scripts.look, names, [])) as [string, string];
        return kind !== 'none' || mark !== '';
      }),
    async write({ sequence, material }, signal) {
      const content = contentOf(material);
      const mark = markOf(content);
      return at(signal, async (run) => {
        judge(await run(scripts.write, names, [sequence, mark, ttl ?? '', publish ?? '', ...content]), options);
        return mark;
      });
    },
    holds: (mark, signal) =>
      at(signal, async (run) => {
        const { mark: noted, content } = await found(run);
        if (!isEqual(mark, markOf(content)) || !isEqual(mark, noted)) return false;
        if (ttl !== undefined) await run(scripts.prolong, names, [ttl, mark]);
        return true;
      }),
    remove: (signal) =>
      at(signal, async (run) => {
        const { mark, content } = await found(run);
        if (mark === '') return;
        // What others have put there meanwhile is theirs: then only our own note beside it goes.
        const known = isEqual(mark, markOf(content)) ? content : [];
        await run(scripts.remove, names, [mark, ...known]);
      }),
  };
}

/** By name: a hash has no order of its own. */
function inOrder([kind, ...rest]: readonly string[]): unknown {
  if (kind !== 'hash') return [kind, ...rest];
  const fields = rest.flatMap((name, i) => (i % 2 === 0 ? [[name, rest[i + 1]]] : []));
  return [kind, fields.sort(([a = ''], [b = '']) => (a < b ? -1 : a > b ? 1 : 0))];
}

function judge(answer: unknown, { url, key }: RedisOptions): void {
  const [word, what] = answer as [string, string | undefined];
  const place = `${new URL(url).host}: the key ${key}`;
  if (word === 'other') {
    throw new LeaseError(
      'invalid',
      `${place} holds a ${what}, which is none of ours: remove it, or choose another key`,
    );
  }
  if (word === 'later') {
    throw new LeaseError(
      'invalid',
      `${place} holds later values (${what}): if somebody else writes there choose another key; ` +
        `if that was us, before the state was lost, remove ${key}:leasekeeper`,
    );
  }
}

/** As long for one that differs early as for one that differs late. */
const isEqual = (a: string, b: string): boolean =>
  Buffer.byteLength(a) === Buffer.byteLength(b) && timingSafeEqual(Buffer.from(a), Buffer.from(b));
