/** Asks others than Infisical for what proves who we are: the metadata service of this machine, and token exchanges. */
import { z } from 'zod';
import { type FailureCode, LeaseError } from '../../../core/failure.ts';
import { type Duration, seconds } from '../../../core/time.ts';
import { urlSuchAs } from '../../../http/address.ts';
import { type Call, type Caller, caller, type Reply } from '../../../http/caller.ts';
import type { Deps, ProviderRequest } from '../../define.ts';

export interface Question extends Omit<Call, 'path' | 'method'> {
  /** What is done, for people: `asking the metadata service for an identity token`. */
  readonly what: string;
  readonly url: string;
  /** Absent: `GET`. */
  readonly method?: Call['method'];
  /** It is on this machine, or as good as that: no proxy is between, and it answers at once or not at all. */
  readonly isLocal?: true;
  /** What a refusal means by its status. Absent: `denied`, it is our proof that is wrong. */
  readonly refusals?: Readonly<Partial<Record<number, readonly [code: FailureCode, words: string]>>>;
}

export interface Elsewhere {
  /**
   * The answer's text. Throws `LeaseError`, never unsure: nothing has happened at Infisical. Nothing of the answer is
   * in its message.
   */
  ask(question: Question): Promise<Pick<Reply, 'headers'> & { readonly text: string }>;
  close(): Promise<void>;
}

const localDeadline: Duration = seconds(10);

/** For metrics each request is a `login-proof`. */
export function elsewhere({ env, clock, onRequest }: Pick<Deps, 'env' | 'clock' | 'onRequest'>): Elsewhere {
  const callers = new Map<string, Caller>();

  function callerOf({ origin }: URL, isLocal: boolean): Caller {
    const known = callers.get(origin);
    if (known) return known;
    const made = isLocal
      ? caller({ url: origin, deadline: localDeadline }, { env: {}, clock })
      : caller({ url: origin }, { env, clock });
    callers.set(origin, made);
    return made;
  }

  async function send({ what, url, isLocal, method = 'GET', refusals: _, ...call }: Question): Promise<Reply> {
    const at = clock.now();
    const told = (status: ProviderRequest['status']) =>
      onRequest({ operation: 'login-proof', status, took: clock.now() - at, at });
    const target = new URL(url);
    try {
      const reply = await callerOf(target, isLocal === true).call({
        ...call,
        method,
        path: target.pathname + target.search,
      });
      told(`${Math.min(5, Math.floor(reply.status / 100))}xx` as ProviderRequest['status']);
      return reply;
    } catch (error) {
      told('none');
      const { code, message } = error as LeaseError;
      throw error instanceof LeaseError ? new LeaseError(code, `${what}: ${message}`) : error;
    }
  }

  return {
    async ask(question) {
      const { status, body, headers } = await send(question);
      if (status >= 200 && status < 300) return { text: body.toString('utf8').trim(), headers };
      throw refusal(question, status);
    },
    async close() {
      await Promise.all([...callers.values()].map((one) => one.close()));
    },
  };
}

function refusal({ what, refusals }: Question, status: number): LeaseError {
  const fail = (code: FailureCode, words: string) => new LeaseError(code, `${what}: ${words} (HTTP ${status})`);
  const known = refusals?.[status];
  if (known) return fail(...known);
  if (status >= 500 || status === 408 || status === 429) return fail('unavailable', 'not now');
  if (status >= 400) return fail('denied', 'refused');
  return fail('unavailable', 'answered by something else');
}

/** What of an answer we read. Nothing of it is told where it is not what we expect. */
export function readAs<Schema extends z.ZodType>(schema: Schema, what: string, text: string): z.output<Schema> {
  try {
    return schema.parse(JSON.parse(text));
  } catch {
    throw new LeaseError('unavailable', `${what}: the answer cannot be understood`);
  }
}

/** A value of the answer that becomes a header, or a field of ours. */
export const word = z.string().regex(/^[\x21-\x7e]{1,65536}$/);

/** `https://…`, or plain on this machine. Throws `Error` that names the variable and not what is in it. */
export function urlIn(env: Deps['env'], name: string): string | undefined {
  const text = env[name]?.trim();
  if (!text) return undefined;
  const parsed = urlSuchAs('https://host').safeParse(text);
  if (parsed.success) return parsed.data;
  throw new Error(
    `the environment variable ${name} is not an address that can be used: ${parsed.error.issues[0]?.message}`,
  );
}

/** The address of a metadata service: plain HTTP, by nature. Throws `Error` that names the variable alone. */
export function localUrlIn(env: Deps['env'], name: string, usual: string): string {
  const text = env[name]?.trim() || usual;
  const url = /^https?:\/\//.test(text) ? text : `http://${text}`;
  const isPlain = URL.canParse(url) && !url.includes('@') && !/[?#]/.test(url);
  if (isPlain) return url.replace(/\/+$/, '');
  throw new Error(`the environment variable ${name} is not the address of a host: write host or host:port`);
}
