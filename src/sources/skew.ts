/** How far a provider's clock is from ours, learnt from the `Date` headers of its answers. */
import { type Duration, type Instant, minutes, seconds } from '../core/time.ts';

/** One successful answer: when it was asked for and when it began to come, on our clock, and what it said the time was. */
export interface DateSample {
  readonly sentAt: Instant;
  readonly answeredAt: Instant;
  /** The `Date` header: whole seconds, cut off. */
  readonly date: Instant;
}

export interface Skew {
  /** What is to be added to our clock to have the provider's time. */
  readonly skew: () => Duration;
  /** How far our clock with `skew` may be off the provider's, either way. */
  readonly uncertainty: () => Duration;
  /** The last answers say that it is another by far, and are too few to be believed. */
  readonly isDoubted: () => boolean;
  /** Hear one answer. Says whether `skew` has changed. */
  learn(sample: DateSample): boolean;
}

interface Offset {
  readonly offset: Duration;
  readonly uncertainty: Duration;
}

const remembered = 9;
/** Below this a change is ignored: a date has whole seconds, and each change moves every date we compare with. */
const negligible: Duration = seconds(2);
/** Beyond this a change is not believed before so many answers in a row agree: a proxy may have stamped one of them. */
const incredible: Duration = seconds(30);
const witnesses = 3;
/** Before the first answer: what a machine whose clock is kept at all stays within. */
const unknown: Duration = seconds(5);
/** A date in whole seconds says nothing of what is below them. */
const resolution: Duration = seconds(1);

/**
 * The median of the last nine answers, the quick ones weighing more. The first one of all is taken at its word: there
 * is nothing yet that it could contradict.
 */
export function learningSkew(): Skew {
  let offsets: readonly Offset[] = [];
  let doubtful: readonly Offset[] = [];
  let believed: Duration = 0;

  const settle = (middle: Duration, isFirst: boolean): boolean => {
    const change = Math.abs(middle - believed);
    if (change === 0 || (!isFirst && change < negligible)) return false;
    believed = middle;
    return true;
  };

  return {
    skew: () => believed,
    isDoubted: () => doubtful.length > 0,
    uncertainty: () => {
      const middle = medianOf(offsets);
      return middle ? middle.uncertainty + Math.abs(middle.offset - believed) : unknown;
    },
    learn(sample) {
      const heard = offsetOf(sample);
      if (!heard) return false;
      const isFirst = offsets.length === 0;
      if (!isFirst && Math.abs(heard.offset - believed) > incredible) {
        doubtful = [...doubtful.filter((other) => agree(other, heard)), heard];
        if (doubtful.length < witnesses) return false;
        offsets = doubtful;
        doubtful = [];
      } else {
        offsets = [...offsets, heard].slice(-remembered);
        doubtful = [];
      }
      const middle = medianOf(offsets);
      return middle !== undefined && settle(middle.offset, isFirst);
    },
  };
}

/** The provider wrote its date somewhere between our two moments; the middle is the best guess. */
function offsetOf({ sentAt, answeredAt, date }: DateSample): Offset | undefined {
  const roundTrip = answeredAt - sentAt;
  if (!Number.isFinite(date) || roundTrip < 0 || roundTrip > minutes(1)) return undefined;
  return {
    offset: Math.round(date + resolution / 2 - (sentAt + answeredAt) / 2),
    uncertainty: Math.ceil(resolution / 2 + roundTrip / 2),
  };
}

const agree = (a: Offset, b: Offset): boolean => Math.abs(a.offset - b.offset) <= a.uncertainty + b.uncertainty;

/** Each weighs as much as it is certain. */
function medianOf(offsets: readonly Offset[]): Offset | undefined {
  const sorted = [...offsets].sort((a, b) => a.offset - b.offset);
  const half = sorted.reduce((sum, { uncertainty }) => sum + 1 / uncertainty, 0) / 2;
  let weight = 0;
  for (const offset of sorted) {
    weight += 1 / offset.uncertainty;
    // What rounding leaves over must not push the middle to the next.
    if (weight >= half - 1e-9) return offset;
  }
  return undefined;
}
