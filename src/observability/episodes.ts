/** Tells of what begins and ends, perhaps all the time: once a minute at most, and the last word is how it is. */
import type { timer } from '../clock.ts';
import { type Clock, type Duration, type Instant, minutes } from '../core/time.ts';
import type { Fields, Level, Log } from './log.ts';

const pause: Duration = minutes(1);

export interface Episodes {
  /** It is so from now on. Said a minute after it was last said, if it is so then. */
  begin(what: string, level: Level, words: string, fields?: Fields): void;
  /** It is so no more. Said where it was said that it is. */
  end(what: string, words: string, fields?: Fields): void;
  /** Nothing is said of any of them after this. */
  close(): void;
}

interface Episode {
  readonly saidAt: Instant | undefined;
  /** The last word was that it is so. */
  readonly isSaid: boolean;
  readonly cancel?: () => void;
}

export function createEpisodes(
  log: Pick<Log, 'always'>,
  { clock, timer: after }: { readonly clock: Clock; readonly timer: typeof timer },
): Episodes {
  const all = new Map<string, Episode>();
  const never: Episode = { saidAt: undefined, isSaid: false };

  return {
    begin(what, level, words, fields) {
      const { saidAt, isSaid, cancel } = all.get(what) ?? never;
      if (isSaid || cancel) return;
      const say = () => {
        all.set(what, { saidAt: clock.now(), isSaid: true });
        log.always(level, words, fields);
      };
      const wait = saidAt === undefined ? 0 : saidAt + pause - clock.now();
      if (wait <= 0) say();
      else all.set(what, { saidAt, isSaid, cancel: after(wait, say) });
    },
    end(what, words, fields) {
      const { saidAt, isSaid, cancel } = all.get(what) ?? never;
      cancel?.();
      all.set(what, { saidAt, isSaid: false });
      if (isSaid) log.always('info', words, fields);
    },
    close() {
      for (const { cancel } of all.values()) cancel?.();
      all.clear();
    },
  };
}
