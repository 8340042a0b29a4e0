/** What a sandbox can be told to do wrong with the requests that come. */
import { randomInt } from 'node:crypto';
import type { Duration } from '../../src/core/time.ts';

/** What happens to a request. Several at once are all done, as far as they go together. */
export type Misdeed =
  /** The connection is reset before anything is done. (`down` is the listener itself: the next connection is refused.) */
  | { readonly kind: 'refuse' }
  /** No answer ever comes. Whether the work is done all the same is `work`. */
  | { readonly kind: 'hang'; readonly work: boolean }
  /** The connection is reset instead of an answer, after the work (`work: true`) or without it. */
  | { readonly kind: 'cut'; readonly work: boolean }
  /**
   * The server's own error envelope, without the work. Default: what it says to a failure of its own. `error` is its
   * name in Infisical's envelope, `code` its number in Yandex's.
   */
  | {
      readonly kind: 'fail';
      readonly status: number;
      readonly error?: string;
      readonly code?: number;
      readonly message?: string;
    }
  /** 429, without the work. `retryAfter` in seconds; absent: no such header. */
  | { readonly kind: 'limit'; readonly retryAfter?: number }
  /** A proxy's error page, without the work; `empty`: not even that. */
  | { readonly kind: 'page'; readonly status: number; readonly empty?: boolean }
  /** The work is done, but the answer says that what it gives ends so many milliseconds from now; negative: in the past. */
  | { readonly kind: 'lie'; readonly endsIn: Duration }
  /** The answer's `Date` header alone is wrong by so much. */
  | { readonly kind: 'date'; readonly by: Duration }
  /** It takes a time between these two. */
  | { readonly kind: 'slow'; readonly from: Duration; readonly to: Duration }
  /** The work is done, but the answer is wrong: broken off in the middle of its JSON, swollen, or called something else. */
  | { readonly kind: 'half' }
  | { readonly kind: 'huge'; readonly bytes: number }
  | { readonly kind: 'type'; readonly contentType: string };

const kinds: Readonly<Record<Misdeed['kind'], true>> = {
  refuse: true,
  hang: true,
  cut: true,
  fail: true,
  limit: true,
  page: true,
  lie: true,
  date: true,
  slow: true,
  half: true,
  huge: true,
  type: true,
};

interface Kind {
  readonly kind: string;
}

/** A misdeed of any sandbox, or one of its own, at the routes it has. */
export type FaultAt<Route extends string, M extends Kind = Misdeed> = M & {
  /** Which routes. Default: all. */
  readonly on?: Route | readonly Route[];
  /** How many requests it strikes. Default: until it is switched off. */
  readonly times?: number;
  /** How many matching requests it lets pass first. */
  readonly after?: number;
};

export interface Faults<Route extends string, M extends Kind = Misdeed> {
  /** Answers with what switches it off. */
  add(fault: FaultAt<Route, M>): () => void;
  clear(): void;
  /** The misdeeds for one request that has come. */
  take(route: Route): readonly M[];
}

export function openFaults<Route extends string, M extends Kind = Misdeed>(): Faults<Route, M> {
  let active: { readonly fault: FaultAt<Route, M>; pass: number; left: number }[] = [];
  return {
    add(fault) {
      const entry = { fault, pass: fault.after ?? 0, left: fault.times ?? Number.POSITIVE_INFINITY };
      active.push(entry);
      return () => {
        active = active.filter((other) => other !== entry);
      };
    },
    clear() {
      active = [];
    },
    take(route) {
      const matching = active.filter(({ fault }) => fault.on === undefined || [fault.on].flat().includes(route));
      const striking = matching.filter((entry) => {
        if (entry.pass > 0) {
          entry.pass -= 1;
          return false;
        }
        entry.left -= 1;
        return true;
      });
      active = active.filter((entry) => entry.left > 0);
      return striking.map(({ fault }) => fault);
    },
  };
}

/** Is it one that every sandbox knows? */
export const isMisdeed = <M extends Kind>(one: M): one is Extract<M, Misdeed> => one.kind in kinds;

/** The first misdeed of this kind among those that strike a request. */
export function pick<M extends Kind, K extends M['kind']>(
  struck: readonly M[],
  kind: K,
): Extract<M, { kind: K }> | undefined {
  return struck.find((one): one is Extract<M, { kind: K }> => one.kind === kind);
}

/** How long a slow request takes. */
export const latency = ({ from, to }: { readonly from: Duration; readonly to: Duration }): Duration =>
  to <= from ? from : randomInt(Math.floor(from), Math.ceil(to) + 1);

/** A misspelt fault that does nothing would make a test prove nothing. `more`: the misdeeds of one sandbox alone. */
export function refuseUnknown(
  fault: FaultAt<string, Kind>,
  routes: readonly string[],
  more: readonly string[] = [],
): void {
  if (![...Object.keys(kinds), ...more].includes(fault.kind))
    throw new Error(`the sandbox knows no fault "${fault.kind}"`);
  const strange = [fault.on ?? []].flat().find((route) => !routes.includes(route));
  if (strange !== undefined) throw new Error(`the sandbox has no route "${strange}"`);
}
