/** What goes wrong in a world, and when. The judge asks here whether anybody has an excuse. */
import { LeaseError } from '../../src/core/failure.ts';
import { type Duration, type Instant, minutes, seconds } from '../../src/core/time.ts';
import type { Dice, Life, Timeline } from './timeline.ts';

export type Place = 'provider' | 'login' | 'sink' | 'reload' | 'proof' | 'process';

export interface Fault {
  readonly place: Place;
  readonly from: Instant;
  readonly to: Instant;
  /** How long it is felt after it is over. */
  readonly aftermath?: Duration;
}

/** How long a client waits for an answer that does not come. */
const patience: Duration = seconds(35);

export class Faults {
  readonly #outages: Fault[] = [];
  readonly #excuses: Fault[] = [];
  readonly #timeline: Timeline;
  readonly #dice: Dice;
  /** Share of calls that fail while all is well. */
  readonly #background: number;
  readonly #end: Instant;

  constructor(timeline: Timeline, dice: Dice, background: number, end: Instant) {
    this.#timeline = timeline;
    this.#dice = dice;
    this.#background = background;
    this.#end = end;
  }

  /** From then until then nothing works there. */
  outage(fault: Fault): void {
    this.#outages.push(fault);
    this.excuse(fault);
  }

  /** Something went wrong there, or may have. */
  excuse(fault: Fault): void {
    this.#excuses.push(fault);
  }

  isActive(place: Place): boolean {
    const now = this.#timeline.now();
    return this.#outages.some((fault) => fault.place === place && fault.from <= now && now < fault.to);
  }

  /** Was anything wrong at some time between these? */
  find(from: Instant, to: Instant): Fault | undefined {
    return this.#excuses.find((fault) => fault.from <= to && fault.to + (fault.aftermath ?? 0) >= from);
  }

  /** A call to something outside: mostly it works, sometimes it fails, and sometimes it takes effect and fails. */
  async call<T>(life: Life, place: Place, effect: () => T): Promise<T> {
    const now = this.#timeline.now();
    const dice = this.#dice;
    const isDown = this.isActive(place);
    if (!isDown && !(now < this.#end && dice.chance(this.#background))) return life.call(dice.between(5, 400), effect);
    const how = dice.oneOf('refuses', 'refuses', 'hangs', 'cuts', 'limits');
    const latency = how === 'hangs' ? patience : dice.between(5, 400);
    this.excuse({ place, from: now, to: now + latency });
    const isEffective = how === 'cuts' || (how === 'hangs' && dice.chance(0.5));
    await life.call(latency, () => void (isEffective && attemptQuietly(effect)));
    if (how === 'limits') {
      const notBefore = this.#timeline.now() + dice.between(seconds(1), minutes(1));
      this.excuse({ place, from: now, to: notBefore });
      throw new LeaseError('unavailable', 'too many requests', { notBefore });
    }
    throw new LeaseError('unavailable', how, { unsure: how !== 'refuses' });
  }
}

function attemptQuietly(effect: () => unknown): void {
  try {
    effect();
  } catch {
    // Nobody hears the answer.
  }
}
