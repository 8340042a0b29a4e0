/** One question for all who want to know the same: whoever asks while it is being asked, or soon after, gets that answer. */
import { LeaseError, ProviderBlocked } from '../../core/failure.ts';
import { type Clock, type Duration, type Instant, seconds } from '../../core/time.ts';

/** What was answered, and when it was asked. */
export interface Polled<T> {
  readonly content: T;
  readonly at: Instant;
}

export interface Wish<T> {
  readonly signal: AbortSignal;
  /** No older than that will do. */
  readonly within: Duration;
  /** Nor will this one: who asks has had it already. */
  readonly besides?: Polled<T> | undefined;
}

export interface Polling<T> {
  /** Throws what the question was answered with, or `LeaseError` where the signal aborts. */
  see(wish: Wish<T>): Promise<Polled<T>>;
  /** It has been changed by us: what was asked before is no answer any more. */
  outdate(): void;
}

interface Question<T> {
  readonly answer: Promise<Polled<T>>;
  readonly nobodyWaits: AbortController;
  waiting: number;
}

/** As long as one who fails alone waits before the next try: so many who fail together ask no more often. */
const firstSilence: Duration = seconds(1);

/** `last`: what was answered before, as far as it is still good for something. */
export function polling<T>(
  ask: (signal: AbortSignal, last: Polled<T> | undefined) => Promise<T>,
  clock: Clock,
): Polling<T> {
  let last: Polled<T> | undefined;
  let question: Question<T> | undefined;
  let failure: { readonly error: LeaseError; readonly at: Instant; readonly times: number } | undefined;

  function begin(): Question<T> {
    const at = clock.now();
    const nobodyWaits = new AbortController();
    const asked: Question<T> = {
      nobodyWaits,
      waiting: 0,
      answer: ask(nobodyWaits.signal, last).then(
        (content) => {
          const polled = { content, at };
          if (question === asked) [last, failure, question] = [polled, undefined, undefined];
          return polled;
        },
        (error: unknown) => {
          if (question === asked) {
            question = undefined;
            remember(error);
          }
          throw error;
        },
      ),
    };
    // Whoever waits hears of it; perhaps nobody does any more.
    asked.answer.catch(() => undefined);
    return asked;
  }

  /** Who is told to stay away is kept away by others. */
  function remember(error: unknown): void {
    if (error instanceof ProviderBlocked || !(error instanceof LeaseError)) return;
    failure = { error, at: clock.now(), times: (failure?.times ?? 0) + 1 };
  }

  function silence(within: Duration): LeaseError | undefined {
    if (!failure) return undefined;
    const length = Math.min(within, firstSilence * 2 ** (failure.times - 1));
    // A little less: who waits for just as long is to be answered anew.
    return clock.now() - failure.at < length * 0.9 ? failure.error : undefined;
  }

  async function wait(asked: Question<T>, signal: AbortSignal): Promise<Polled<T>> {
    asked.waiting += 1;
    let giveUp: () => void = () => undefined;
    const givenUp = new Promise<never>((_, reject) => {
      giveUp = () => reject(new LeaseError('unavailable', 'given up before there was an answer'));
      signal.addEventListener('abort', giveUp, { once: true });
    });
    try {
      return await Promise.race([asked.answer, givenUp]);
    } finally {
      signal.removeEventListener('abort', giveUp);
      asked.waiting -= 1;
      if (asked.waiting === 0 && signal.aborted) {
        if (question === asked) question = undefined;
        asked.nobodyWaits.abort(signal.reason);
      }
    }
  }

  return {
    async see({ signal, within, besides }) {
      if (signal.aborted) throw new LeaseError('unavailable', 'given up before it was asked');
      if (last && last !== besides && clock.now() - last.at < within) return last;
      const known = question ? undefined : silence(within);
      if (known) throw known;
      question ??= begin();
      return wait(question, signal);
    },
    outdate() {
      [last, question, failure] = [undefined, undefined, undefined];
    },
  };
}
