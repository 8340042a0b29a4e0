/** What a run leaves to be judged, and how long lives are divided; shared by those who judge. */
import type { Duration, Instant } from '../../src/core/time.ts';
import { minutes } from '../../src/core/time.ts';
import type { Books, LeaseBook } from '../sandbox/infisical/books.ts';
import type { LockboxBooks } from '../sandbox/yandex/books.ts';
import type { Crowd } from './crowd.ts';
import type { Lives, SecretPlan } from './lives.ts';
import type { Passage } from './proxy.ts';
import type { Timeline } from './timeline.ts';

export interface Evidence {
  readonly lives: Lives;
  readonly timeline: Timeline;
  readonly crowd: Pick<
    Crowd,
    'uses' | 'unreachable' | 'reads' | 'refusals' | 'torn' | 'loads' | 'runs' | 'seen' | 'words'
  >;
  /** When the run was over, with everything still alive. */
  readonly books: Books;
  /** After the daemon had stopped and the longest TTL was over. */
  readonly last: Books;
  /** When the run was over, and which programs used a version then that was not current. */
  readonly store: LockboxBooks;
  readonly stale: readonly string[];
  /** All that Redis held when the run was over. */
  readonly record: string;
  readonly passages: readonly Passage[];
  readonly ends: readonly { readonly at: Instant; readonly how: string; readonly hadStarted: boolean }[];
  readonly exit: number | NodeJS.Signals;
  /** How long after the last blow all was well again; `undefined`: it never was. */
  readonly healedAfter: Duration | undefined;
  /** Somebody ended it early: it could not become well again. */
  readonly isInterrupted: boolean;
  readonly leftProcesses: readonly string[];
}

export interface Row {
  readonly name: string;
  readonly value: string;
  /** Absent: nothing to be judged. */
  readonly isKept?: boolean;
  /** What is needed to understand it, with the moment it is about. */
  readonly details?: readonly Detail[];
}

export interface Detail {
  readonly at: Instant;
  readonly text: string;
}

/** The emergency window of a term, as DESIGN has it; here for judging, so written anew. */
export const windowOf = (term: Duration): Duration => Math.max(term / 20, Math.min(term / 4, minutes(1)));

export const planOf = ({ secrets }: Lives, { secret }: LeaseBook): SecretPlan => {
  const plan = secrets.find(({ name }) => secret.endsWith(` ${name}`));
  if (plan === undefined) throw new Error(`the books have leases of ${secret}`);
  return plan;
};
