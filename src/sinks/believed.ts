/** Marks for sinks that cannot be read back: what they took is believed to be there, in the form in which they took it. */
import { createHash, createHmac } from 'node:crypto';

export interface Believed {
  /** Tells the form, and nothing of the content. */
  readonly form: string;
  /** Keyed, over the form and the content. */
  markOf(content: string | Buffer): string;
  /** The sink has taken what is marked so. */
  took(mark: string): void;
  /** False where the form is another one now, or this process knows better: then it is given once more. */
  holds(mark: string): Promise<boolean>;
}

/** `form`: all that decides what is sent and to whom, besides the values, as JSON can say it. */
export function believed(form: unknown, markKey: Buffer): Believed {
  const shape = createHash('sha256').update(JSON.stringify(form)).digest('base64url').slice(0, 12);
  let last: string | undefined;
  return {
    form: shape,
    markOf: (content) =>
      `${shape}.${createHmac('sha256', markKey).update(`${shape}\n`).update(content).digest('base64url')}`,
    took(mark) {
      last = mark;
    },
    holds: async (mark) => (last === undefined ? mark.startsWith(`${shape}.`) : mark === last),
  };
}

/** Choosing keys in another order is no other form. */
export const sorted = (keys: 'all' | Readonly<Record<string, string>>): unknown =>
  keys === 'all' ? keys : Object.entries(keys).sort();
