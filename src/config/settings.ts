/** The daemon's own settings: where it keeps its state, where it listens, what it logs. */
import { isIP } from 'node:net';
import { z } from 'zod';
import { credential } from './credential.ts';
import { absolutePath } from './values.ts';

const redisSchemes = ['redis:', 'rediss:'];

/** What is wrong with the address of a Redis. Nothing of it is repeated: it may hold a password. */
function mistakeOfRedisUrl(text: string): string | undefined {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (!url || url.hostname === '') return 'not the address of a Redis: write redis://host:6379/0, or rediss:// for TLS';
  if (!redisSchemes.includes(url.protocol))
    return 'a Redis is not reached by this kind of URL: write redis://host:6379/0, or rediss:// for TLS';
  if (url.username !== '' || url.password !== '')
    return 'a URL with a credential in it: write username: NAME and password: { file: /path } beside the url';
  if (!/^\/?\d*$/.test(url.pathname)) return 'a database of Redis is a number: end the url with /0';
  if (url.search !== '' || url.hash !== '') return 'a URL with options in it: remove what follows the ? or #';
  return undefined;
}

const redisServer = z
  .strictObject({
    url: z
      .string('not the address of a Redis: write redis://host:6379/0, or rediss:// for TLS')
      .superRefine((text, context) => {
        const mistake = mistakeOfRedisUrl(text);
        if (mistake !== undefined) context.addIssue({ code: 'custom', message: mistake });
      })
      .describe('redis://host:6379/0, or rediss:// for TLS; no credential in it'),
    username: z.string().min(1).optional().describe('For a Redis with access control lists'),
    password: credential.optional(),
    tls: z
      .strictObject({
        ca: absolutePath.optional().describe('Certificates to trust, in PEM'),
        cert: absolutePath.optional().describe('Our own certificate, in PEM'),
        key: absolutePath.optional().describe('The key of our certificate, in PEM'),
      })
      .optional()
      .describe('For rediss:// where the system does not trust the server, or it asks for a certificate'),
  })
  .superRefine(({ url, tls }, context) => {
    if (tls && !url.startsWith('rediss:'))
      context.addIssue({ code: 'custom', path: ['tls'], message: 'tls on a url without it: write rediss:// instead' });
    if (tls && (tls.cert === undefined) !== (tls.key === undefined))
      context.addIssue({
        code: 'custom',
        path: ['tls'],
        message: 'a certificate and its key belong together: write both cert and key',
      });
  });

const prefixRule = 'not a prefix: letters, digits, ".", "_" and "-", at most 64 of them, such as leasekeeper';

export const state = z
  .strictObject({
    redis: z
      .union([z.literal('embedded'), redisServer], 'not a Redis: write embedded, or { url: "redis://host:6379/0" }')
      .default('embedded')
      .describe('embedded is a private redis-server on a unix socket in dataDir'),
    dataDir: absolutePath.default('/var/lib/leasekeeper').describe('Where what has to last is kept'),
    prefix: z
      .string(prefixRule)
      .regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/, prefixRule)
      .default('leasekeeper')
      .describe('Of every key in Redis'),
    encryptionKey: credential
      .optional()
      .describe(
        'What Redis is not to be read without: 32 bytes in base64 (openssl rand -base64 32), read at the start. ' +
          'To replace it put the new key in a first line and leave the former in a second until the log says that it ' +
          'may be removed. Default: a key made at the first start in dataDir, seal.key',
      ),
  })
  .describe('Where the schedule and the records live');

const listenRule = 'not an address to listen on: write host:port, such as "0.0.0.0:9464" or "[::1]:9464"';

/** `host:port`; port 0 is any that is free. */
const listen = z.string(listenRule).transform((text, context) => {
  const [, bracketed, bare, digits] = /^(?:\[([^\]]+)\]|([^:[\]]*)):(\d{1,5})$/.exec(text.trim()) ?? [];
  const port = Number(digits);
  const host = bracketed ?? bare ?? '';
  const isNumbers = /^[\d.]+$/.test(host);
  const isHost = bracketed ? isIP(host) === 6 : isNumbers ? isIP(host) === 4 : /^[A-Za-z0-9][A-Za-z0-9.-]*$/.test(host);
  if (isHost && port <= 65535) return { host, port };
  context.addIssue({ code: 'custom', message: port > 65535 ? 'no such port: 65535 is the highest' : listenRule });
  return z.NEVER;
});

export const http = z
  .strictObject({
    listen: listen.prefault('0.0.0.0:9464').describe('host:port for /metrics and the probes'),
  })
  .transform(({ listen }) => listen)
  .describe('What is scraped and probed; no value is ever shown there');

/** An address, or nothing where the word is `off`. */
const listenOrOff = z.string(`${listenRule}, or off`).transform((text, context) => {
  if (text.trim() === 'off') return undefined;
  const parsed = listen.safeParse(text);
  if (parsed.success) return parsed.data;
  context.addIssue({ code: 'custom', message: `${parsed.error.issues[0]?.message}, or off` });
  return z.NEVER;
});

export const page = z
  .strictObject({
    listen: listenOrOff
      .prefault('127.0.0.1:9465')
      .describe('host:port of the status page, or off. Whoever reaches it reads names and dates, and never a value'),
  })
  .transform(({ listen }) => listen)
  .describe('What a person looks at first');

export const log = z
  .strictObject({
    level: z
      .enum(['debug', 'info', 'warn', 'error'])
      .default('info')
      .describe('The least that is told; debug tells every decision'),
    format: z.enum(['json', 'pretty']).default('json').describe('json for machines, pretty for people'),
  })
  .describe('What is told on standard error');
