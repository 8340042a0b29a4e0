/** A provider's address: its clock, its credential, its patience, and the token it wants to see with every request. */
import { LeaseError, ProviderBlocked } from '../../src/core/failure.ts';
import { type Duration, type Instant, minutes, seconds } from '../../src/core/time.ts';
import type { Issuer } from './issuer.ts';
import type { Limits } from './limits.ts';
import type { Dice, Timeline } from './timeline.ts';
import type { Troubles } from './troubles.ts';

/** So long after a rejection it may be remembered, while all tries fail. */
const rowOfRejections: Duration = minutes(30);

export class House {
  readonly name: string;
  /** The provider's clock goes so far ahead of ours, and we know it that well. */
  readonly skew: Duration;
  readonly uncertainty: Duration;
  /** Where its tokens come from, if it wants any. */
  tokens: Issuer | undefined;
  /** Absent: it counts nobody's requests. */
  limits: Limits | undefined;
  /** A new number is a new credential. */
  credential = 1;
  /** So far its dates are off just now. They may have been so since it was first told to. */
  #dateError: Duration = 0;
  worstLie: Duration = 0;
  liedAt: Instant = Number.POSITIVE_INFINITY;
  hasMisled = false;
  /** When the last process that was told its time was told it first. */
  learntAt: Instant = Number.NEGATIVE_INFINITY;
  /** So wrong was our idea of its time when it last became another by that; and when that was. */
  misledBy: Duration = 0;
  turnedAt: Instant = Number.NEGATIVE_INFINITY;
  /** By so much a proxy's date is off that stamps the next answers. */
  pages: Duration[] = [];
  /** Times at which it locked us out although we had heard each rejection. */
  readonly lockouts: Instant[] = [];
  /** When a login was rejected and we heard it. */
  readonly rejections: Instant[] = [];
  #failures: Instant[] = [];
  #lockedUntil: Instant = 0;
  #uses = 0;
  /** By kind of request; of all under none. */
  readonly #limitedUntil = new Map<string | undefined, Instant>();
  readonly #timeline: Timeline;
  readonly #troubles: Troubles;
  readonly #dice: Dice;

  constructor(name: string, timeline: Timeline, troubles: Troubles, dice: Dice, isReckoned = false) {
    this.name = name;
    this.#timeline = timeline;
    this.#troubles = troubles;
    this.#dice = dice;
    // By dates in whole seconds, of which a change of less than two is ignored.
    this.uncertainty = seconds(isReckoned ? 5 : dice.oneOf(0.5, 1, 2));
    this.skew = dice.oneOf(0, 0, minutes(5), minutes(-5), dice.between(seconds(-20), seconds(20)));
  }

  set dateError(error: Duration) {
    this.#dateError = error;
    this.worstLie = Math.max(this.worstLie, Math.abs(error));
    if (error !== 0) this.liedAt = Math.min(this.liedAt, this.#timeline.now());
  }

  /** What the `Date` of an answer says that is given then. A proxy's comes among others: the very first is believed. */
  dateOf = (at: Instant, isFirst: boolean): Instant =>
    at + this.skew + ((isFirst ? undefined : this.pages.shift()) ?? this.#dateError);

  get hasLied(): boolean {
    return this.worstLie > 0;
  }

  /** Three rejections in half a minute, and for five minutes even the right secret is rejected. */
  login(uses: number | undefined): void {
    const now = this.#timeline.now();
    const isExhausted = uses !== undefined && this.#uses >= uses;
    if (this.#lockedUntil <= now && !this.#troubles.isDown(`login/${this.name}`) && !isExhausted) {
      this.#uses++;
      return;
    }
    if (isExhausted) this.#replace();
    this.#failures = [...this.#failures.filter((at) => now - at < seconds(30)), now];
    if (this.#failures.length >= 3 && this.#lockedUntil <= now) {
      this.#lockedUntil = now + minutes(5);
      this.#troubles.note(`login/${this.name}`, now, this.#lockedUntil + minutes(5));
      if (this.rejections.filter((at) => now - at < seconds(30)).length >= 2) this.lockouts.push(now);
    }
    throw new LeaseError('denied', 'wrong credential');
  }

  /** Nobody heard what came of a login. After a rejection it is taken for another, and nobody asks for five minutes. */
  unheard(): void {
    const now = this.#timeline.now();
    const last = this.rejections.at(-1) ?? Number.NEGATIVE_INFINITY;
    if (now - last < rowOfRejections) this.#troubles.note(`login/${this.name}`, now, now + minutes(5));
  }

  /** A person sees that the credential is used up and makes a new one. */
  #replace(): void {
    const now = this.#timeline.now();
    if (this.#replacing) return;
    this.#replacing = true;
    const at = now + minutes(10);
    this.#troubles.note(`login/${this.name}`, now, at + minutes(5));
    this.#timeline.at(at, () => {
      this.#replacing = false;
      this.renewCredential();
    });
  }
  #replacing = false;

  /** From now on the credential is good for any number of logins. */
  calm(): void {
    this.renewCredential();
    this.#dateError = 0;
    this.pages = [];
    this.#uses = Number.NEGATIVE_INFINITY;
  }

  renewCredential(): void {
    this.credential++;
    this.#uses = Math.min(0, this.#uses);
  }

  /** Some count requests by their kinds, each by itself. */
  get limitsByKind(): boolean {
    return this.skew === 0 || this.limits !== undefined;
  }

  /** Requests before the end of a limit are limited as well; it says so, and sometimes exaggerates. */
  limit(act: string): ProviderBlocked {
    const now = this.#timeline.now();
    const kind = this.limitsByKind ? act : undefined;
    const until = this.isLimiting(act) ? this.#until(kind) : now + this.#dice.between(seconds(1), minutes(1));
    this.#limitedUntil.set(kind, until);
    this.#troubles.note(`provider/${this.name}`, now, until);
    const said = this.#dice.chance(0.2) ? now + minutes(this.#dice.between(5, 120)) : until;
    this.#troubles.note(`silence/${this.name}`, now, Math.min(said, now + minutes(10)));
    return new ProviderBlocked('RetryAfter', said + this.skew, kind);
  }

  isLimiting = (act: string): boolean => this.#timeline.now() < this.#until(this.limitsByKind ? act : undefined);

  readonly #until = (kind: string | undefined): Instant => this.#limitedUntil.get(kind) ?? 0;
}
