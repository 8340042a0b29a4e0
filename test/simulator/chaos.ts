/** Decides what becomes of each call, and counts it: every act, for every reason, is to meet every fault. */
import { LeaseError } from '../../src/core/failure.ts';
import { type Duration, seconds } from '../../src/core/time.ts';
import type { Life } from './life.ts';
import type { Dice, Timeline } from './timeline.ts';
import type { Fault, Place, Troubles } from './troubles.ts';

/** An act and its reason, as decided: `renew RenewalDue`. */
export type Doing = string;

export interface Focus {
  readonly doing: Doing;
  readonly fault: Fault;
}

export type Pace = 'brisk' | 'mixed' | 'sluggish';

export interface Call<T> {
  readonly life: Life;
  readonly place: Place;
  /** Where else an outage is felt in this call. */
  readonly within?: readonly Place[];
  /** Where an outage means that no answer comes. */
  readonly hung?: Place;
  /** Is there another way where this one fails? Then only the time it took is an excuse. */
  readonly isDispensable?: boolean;
  /** Whose act it is: a secret, or a secret and a sink. */
  readonly who: string;
  readonly signal: AbortSignal;
  /** Somebody may have given up waiting by the time it takes effect. */
  readonly effect: (isAwaited: boolean) => T;
  /** Asked right before sending. */
  readonly beforeSending?: () => void;
  /** Cut off before it is there, it does not take effect: local sinks. */
  readonly isVoidable?: boolean;
  /** What the other side says when it is asked too often. */
  readonly limit?: { readonly isOn: () => boolean; readonly say: () => Error };
}

/** How long anybody waits for an answer that does not come. */
const patience: Duration = seconds(35);

export class Chaos {
  readonly counts = new Map<string, number>();
  /** Kills the process. */
  kill: () => void = () => undefined;
  readonly #timeline: Timeline;
  readonly #dice: Dice;
  readonly #troubles: Troubles;
  readonly #doing = new Map<string, Doing>();
  readonly #spoiled = new Map<string, 'forgotten' | 'unheard' | 'killed'>();
  readonly #plan: { readonly focus: Focus | undefined; readonly background: number; readonly pace: Pace };
  #focused = 0;
  /** After the trouble, all is well. */
  isOver = false;

  constructor(
    timeline: Timeline,
    dice: Dice,
    troubles: Troubles,
    plan: { readonly focus: Focus | undefined; readonly background: number; readonly pace: Pace },
  ) {
    this.#timeline = timeline;
    this.#dice = dice;
    this.#troubles = troubles;
    this.#plan = plan;
  }

  /** `who` has decided to do that. */
  decided(who: string, doing: Doing): void {
    this.#doing.set(who, doing);
  }

  doingOf = (who: string): Doing => this.#doing.get(who) ?? 'unasked';

  /** What is to become of the next save of this secret, after an answer. Asked once. */
  spoiled(who: string): 'forgotten' | 'unheard' | 'killed' | undefined {
    const key = [...this.#spoiled.keys()].find((each) => each === who || each.startsWith(`${who}/`));
    if (key === undefined) return undefined;
    const how = this.#spoiled.get(key);
    this.#spoiled.delete(key);
    return how;
  }

  async call<T>(call: Call<T>): Promise<T> {
    const { life, place, who, signal, effect } = call;
    const dice = this.#dice;
    const doing = this.doingOf(who);
    const pause = this.#pause();
    if (pause > 0) this.#troubles.note(place, this.#timeline.now(), this.#timeline.now() + pause, 'slow');
    if (pause > 0 || signal.aborted) await life.pass(pause, signal);
    call.beforeSending?.();
    const fault = this.#fate(call, doing);
    const from = this.#timeline.now();
    this.#count(doing, fault);
    const latency = fault === 'crawls' ? dice.between(seconds(1), seconds(34)) : dice.between(5, 400);
    const isSlow = fault === 'crawls' || call.isDispensable;
    const felt = fault && this.#troubles.begin(place, from, isSlow ? 'slow' : 'broken');
    const there = Math.floor(latency * dice.roll());
    const way = { there, back: latency - there, signal, isVoidable: call.isVoidable ?? false };
    try {
      switch (fault) {
        case 'refuses':
          await life.send(() => undefined, way);
          throw new LeaseError('unavailable', 'refused');
        case 'limits':
          return await life.send(() => {
            throw call.limit?.say() ?? new LeaseError('unavailable', 'too busy');
          }, way);
        case 'hangs': {
          const isEffective = !call.isVoidable && dice.chance(0.5);
          const arrival = dice.between(0, patience);
          const long = { ...way, there: arrival, back: patience - arrival };
          await life.send(() => isEffective && quietly(() => effect(false)), long);
          throw new LeaseError('unavailable', 'no answer', { unsure: true });
        }
        case 'cuts':
          await life.send(() => quietly(() => effect(false)), way);
          throw new LeaseError('unavailable', 'cut', { unsure: true });
        case 'killed':
          this.#killDuring(who, latency);
          return await life.send(effect, way);
        case 'forgotten':
        case 'unheard': {
          const answer = await life.send(effect, way);
          this.#spoiled.set(who, fault);
          return answer;
        }
        default:
          return await life.send(effect, way);
      }
    } finally {
      felt?.();
    }
  }

  /** Before it is sent, under way, after it, or when its outcome is being saved. */
  #killDuring(who: string, latency: Duration): void {
    const dice = this.#dice;
    if (dice.chance(0.3)) this.#spoiled.set(who, 'killed');
    else this.#timeline.after(dice.between(0, latency + 2), () => this.kill());
  }

  #pause(): Duration {
    const { pace } = this.#plan;
    if (this.isOver || pace === 'brisk' || !this.#dice.chance(pace === 'mixed' ? 0.05 : 0.3)) return 0;
    return this.#dice.between(0, seconds(this.#dice.chance(0.3) ? 34 : 2));
  }

  #fate(call: Call<unknown>, doing: Doing): Fault | undefined {
    const dice = this.#dice;
    const isLimitable = call.limit !== undefined;
    if (call.limit?.isOn()) return 'limits';
    if (call.hung !== undefined && this.#troubles.isDown(call.hung)) return 'hangs';
    if ([call.place, ...(call.within ?? [])].some((place) => this.#troubles.isDown(place)))
      return dice.oneOf('refuses', 'refuses', 'hangs', 'cuts');
    if (this.isOver) return undefined;
    const { focus, background, pace } = this.#plan;
    if (focus?.doing === doing && this.#focused < 8 && dice.chance(0.6)) {
      if (focus.fault !== 'limits' || isLimitable) {
        this.#focused++;
        return focus.fault;
      }
    }
    if (dice.chance(background)) {
      return dice.oneOf('refuses', 'refuses', 'hangs', 'cuts', 'crawls', isLimitable ? 'limits' : 'refuses');
    }
    return dice.chance({ brisk: 0, mixed: 0.05, sluggish: 0.6 }[pace]) ? 'crawls' : undefined;
  }

  #count(doing: Doing, fault: Fault | undefined): void {
    this.happened(`${doing} ${fault ?? 'fine'}`);
  }

  /** Count it. */
  happened(key: string): void {
    this.counts.set(key, (this.counts.get(key) ?? 0) + 1);
  }
}

function quietly(effect: () => unknown): void {
  try {
    effect();
  } catch {
    // Nobody hears the answer.
  }
}
