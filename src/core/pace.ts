/** How often a secret may be acquired, whatever the answers: who insists is locked out, or drowns in leases. */
import { soon } from './guesses.ts';
import type { Facts } from './rules.ts';
import { type Duration, type Instant, minutes, seconds, tolerance } from './time.ts';

/** No more than eight requests arrive in this time. */
const perMinutes: Duration = minutes(5);
/** A request begun arrives so much later at most: the longest deadline of a call. */
const travel: Duration = seconds(35);
const window: Duration = perMinutes + travel;

/** So long after the last, the last but one, … acquire. Together: one a second at most, at most eight in the window. */
const paces: readonly Duration[] = [...[1, 3, 8, 20, 35, 50, 65].map(seconds), window];

/** What can wait leaves the other half of the window to what cannot. */
const leisurely = 4;

/** How many acquires are remembered. */
export const remembered = paces.length;

/** When a lease has to have a successor, and how long its like can be without one. */
export interface Urgency {
  readonly from: Instant;
  readonly every: Duration;
  /** The provider may answer with the same once more, so that there is as much need of a successor as before. */
  readonly repeats?: boolean;
}

/**
 * From when on another may be begun that is wanted at `at`. `uncertainty` is how far each of two clocks may be off that
 * were asked before and after.
 */
export function paced(acquires: readonly Instant[], at: Instant, urgency: Urgency, facts: PaceFacts): Instant {
  const { now, uncertainty, isTimeGuessed } = facts;
  const past = isTimeGuessed ? asFarAsIsKnown(acquires, facts) : timely(acquires, now);
  const slack = Math.min(seconds(1), 2 * uncertainty);
  const soonest = Math.max(at, ...paces.map((pace, i) => (past[i] ?? Number.NEGATIVE_INFINITY) + pace + slack));
  const half = (past[leisurely - 1] ?? Number.NEGATIVE_INFINITY) + window;
  const next = Math.max(
    soonest,
    Math.min(Math.max(half, affordable(past, Math.max(soonest, now), urgency)), urgency.from),
  );
  return isTimeGuessed ? Math.min(next, Math.max(at, now + soon)) : next;
}

/**
 * From when on there is, with this one, a place in the window for each of those that cannot wait, however long that goes
 * on: who takes a short lease too early has none when it ends. Where the window is too small for them nobody can save any.
 */
function affordable(past: readonly Instant[], begun: Instant, { from, every, repeats }: Urgency): Instant {
  if (every * remembered < window) return Number.NEGATIVE_INFINITY;
  const later = Math.min(window, every);
  /** From when on those that cannot wait have their places after these. */
  const after = (acquires: readonly Instant[]) =>
    Math.max(...acquires.map((one, i) => one + window - (remembered - 1 - i) * later));
  if (!repeats) return after(past);
  // As if this one gained nothing: the next is needed when it was needed before.
  return after([begun, ...past].slice(0, remembered)) > from ? from : begun;
}

type PaceFacts = Pick<Facts, 'now' | 'startedAt' | 'uncertainty' | 'isTimeGuessed'>;

/** A clock that was set back would make us wait for what seems to lie ahead; but no two clocks quite agree. */
const timely = (acquires: readonly Instant[], now: Instant): readonly Instant[] =>
  acquires.filter((begun) => begun <= now + tolerance);

/** What a process before us has begun may have been begun right before we were. */
const asFarAsIsKnown = (acquires: readonly Instant[], { now, startedAt }: PaceFacts): readonly Instant[] =>
  acquires.map((begun) => (begun <= now ? Math.max(begun, startedAt) : startedAt)).sort((a, b) => b - a);
