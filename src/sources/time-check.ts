/** Asks a provider once more what time it is, where an answer contradicted what we believe of its clock. */
import { timer } from '../clock.ts';
import { type Duration, minutes, seconds } from '../core/time.ts';

export interface TimeCheck {
  /** Such an answer has come. That to our question may be the next: we ask until it is believed, or refuted. */
  want(): void;
  end(): void;
}

const pause: Duration = seconds(5);
const patience: Duration = seconds(3);
/** Behind one address there may be two clocks that never agree: then so many questions do, for so long. */
const most = 4;
const rest: Duration = minutes(15);

/** Where `ask` fails it is left at that: the next answer of any kind will tell. */
export function timeCheck(ask: (signal: AbortSignal) => Promise<void>): TimeCheck {
  let cancel: (() => void) | undefined;
  let asked = 0;
  let isOver = false;
  return {
    want() {
      if (cancel || isOver || asked >= most) return;
      cancel = timer(pause, () => {
        cancel = undefined;
        if (asked++ === 0) timer(rest, () => (asked = 0));
        ask(AbortSignal.timeout(patience)).catch(() => undefined);
      });
    },
    end() {
      isOver = true;
      cancel?.();
    },
  };
}
