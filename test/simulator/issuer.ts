/** The provider's side of one secret: it keeps leases as its nature says, and its books know the truth about every value. */
import { LeaseError } from '../../src/core/failure.ts';
import type { Material } from '../../src/core/material.ts';
import { type Instant, seconds } from '../../src/core/time.ts';
import { endOfTerm, type Issued, never, type Word } from './issued.ts';
import { type Nature, shortestRenewal } from './nature.ts';
import type { Dice, Timeline } from './timeline.ts';

export class Issuer {
  readonly name: string;
  readonly nature: Nature;
  readonly leases = new Map<string, Issued>();
  /** The latest few, newest first. */
  last: readonly Issued[] = [];
  /** Of a store of versions. */
  current: Issued | undefined;
  currentSince: Instant = 0;
  /** Renewals that killed their lease, or were asked for although they could not land. */
  readonly foolish: string[] = [];
  /** What searches have answered. */
  readonly found = new Map<string, Instant>();
  /** Share of answers with dates that are of no use; of leases that never work. */
  lies = 0;
  unfit = 0;
  /** So many renewals more are refused, for no reason that anybody could know. */
  refusals = 0;
  /** Did we have a wrong idea of the provider's time then, by its own dates? */
  isMisled: (at: Instant) => boolean = () => false;
  onLie: () => void = () => undefined;
  /** Called before a lease is ended or renewed on our own request. */
  onRevoke: (issued: Issued) => void = () => undefined;
  onRenew: (issued: Issued) => void = () => undefined;
  /** Called when somebody else, or a whim, has shortened the life of one. */
  /** When lives were shortened, the latest of them. */
  surprises: readonly Instant[] = [];
  onSurprise: (issued: Issued) => void = () => undefined;
  readonly #timeline: Timeline;
  readonly #dice: Dice;

  constructor(name: string, nature: Nature, timeline: Timeline, dice: Dice) {
    this.name = name;
    this.nature = nature;
    this.#timeline = timeline;
    this.#dice = dice;
  }

  /** When do these values stop working? */
  endOf(value: string): Instant {
    const found = this.#find(value);
    return found ? Math.min(found.issued.endedAt, found.term.end) : Number.NEGATIVE_INFINITY;
  }

  accepts = (value: string): boolean => this.#timeline.now() < this.endOf(value);

  /** The term that these values are in, and how they would have ended had nobody ended them. */
  termOf = (value: string) => this.#find(value)?.term;

  leaseOf = (value: string): Issued | undefined => this.#find(value)?.issued;

  /** What a lease of ours is here. */
  named = (lease: string): Issued | undefined => this.leases.get(lease);

  /** Values as they are in sinks. */
  valueOf = (material: Material): string => material.reveal('value') ?? '';

  isLiving = (issued: Issued): boolean => this.#timeline.now() < Math.min(issued.endedAt, endOfTerm(issued));

  /** Is it still to be ended, if it is ours? */
  isLeft = (issued: Issued): boolean => this.isLiving(issued);

  acquire(key: string): Word {
    const { kind, ttl = never } = this.nature;
    const last = this.last[0];
    const isYoung = last && endOfTerm(last) - this.#timeline.now() > ttl * 0.6;
    return this.#word(kind === 'iam' && isYoung && this.isLiving(last) ? last : this.#issue(key));
  }

  /** `by`: what a client asks for that knows the wall. */
  renew(id: string, isAwaited: boolean, by = this.nature.ttl ?? 0): Word & { readonly isChanged: boolean } {
    const how = this.nature.renewal;
    const issued = this.#living(id);
    if (!how) throw new LeaseError('refused', 'cannot be renewed');
    this.onRenew(issued);
    if (this.refusals > 0) {
      this.refusals--;
      throw new LeaseError('refused', 'not any more');
    }
    const now = this.#timeline.now();
    const landing = (how.from === 'now' ? now : endOfTerm(issued)) + by;
    if (how.from === 'expiry' && by < shortestRenewal) {
      this.foolish.push(`${id} was to be renewed by less than a minute`);
      throw new LeaseError('invalid', 'too short');
    }
    if (landing > issued.maxExpiresAt && how.pastTheWall !== 'clamped')
      this.#pastTheWall(issued, how.pastTheWall, isAwaited);
    const lie = this.#lies() ? now + this.#dice.between(seconds(-5), seconds(5)) : never;
    const end = Math.min(landing, issued.maxExpiresAt, lie);
    if (end === lie) issued.surprisedAt = now;
    if (end === lie && lie <= now) this.#surprise(issued);
    if (how.changesValues) issued.terms.push({ from: now, end });
    else issued.terms.splice(-1, 1, { from: now, end });
    return { ...this.#word(issued), isChanged: how.changesValues };
  }

  /** A renewal that asks for too much: it is known where the wall is, unless it has to be learnt. */
  #pastTheWall(issued: Issued, what: 'killed' | 'refused', isAwaited: boolean): never {
    // Some answers are lost, and some processes killed before they note them: it may have to be told again.
    const times = this.foolish.filter((id) => id === issued.id).length;
    // One whose answer nobody waits for any more may come after another that had an answer.
    const isMisled = this.isMisled(this.#timeline.now()) || this.isMisled(issued.told?.at ?? 0);
    const isUnheard = isMisled || issued.told?.end !== endOfTerm(issued) || (what === 'refused' && !isAwaited);
    if (this.nature.isWallHidden && isAwaited && times < 8) this.foolish.push(issued.id);
    else if (!isUnheard) this.foolish.push(`${issued.id} was ${what} at its wall`);
    if (what === 'refused') throw new LeaseError('refused', 'past the wall');
    issued.endedAt = this.#timeline.now();
    throw new LeaseError('gone', 'killed at the wall');
  }

  observe(id: string): Word | undefined {
    const issued = this.leases.get(id);
    return issued && this.isLiving(issued) ? this.#word(issued) : undefined;
  }

  /** Ending twice is success. */
  revoke(id: string): void {
    const issued = this.leases.get(id);
    if (!issued) return;
    this.onRevoke(issued);
    issued.endedAt = Math.min(issued.endedAt, this.#timeline.now());
  }

  search(since: Instant, known: readonly string[]): readonly Word[] {
    const found = [...this.leases.values()].filter(
      (issued) => issued.issuedAt >= since && this.isLiving(issued) && !known.includes(issued.id),
    );
    for (const { id } of found) this.found.set(id, this.#timeline.now());
    return found.map((issued) => this.#word(issued));
  }

  /** Somebody ends it, or the provider forgets it. */
  end(issued: Issued): void {
    if (!this.isLiving(issued)) return;
    this.#surprise(issued);
  }

  #surprise(issued: Issued): void {
    issued.surprisedAt = this.#timeline.now();
    issued.endedAt = Math.min(issued.endedAt, issued.surprisedAt);
    this.surprises = [...this.surprises.slice(-9), issued.surprisedAt];
    this.onSurprise(issued);
  }

  /** Somebody sets, moves or lifts the date of its destruction. */
  schedule(issued: Issued, end: Instant): void {
    const term = issued.terms.at(-1);
    if (!term) return;
    const isShorter = end < term.end;
    term.end = end;
    if (!isShorter) return;
    issued.surprisedAt = this.#timeline.now();
    this.surprises = [...this.surprises.slice(-9), issued.surprisedAt];
    this.onSurprise(issued);
  }

  /** We have been told that it exists no longer. */
  hear(id: string): void {
    const issued = this.leases.get(id);
    if (!issued || issued.goneAt !== undefined) return;
    issued.goneAt = this.#timeline.now();
    this.onSurprise(issued);
  }

  #lies(): boolean {
    const isLie = this.#dice.chance(this.lies);
    if (isLie) this.onLie();
    return isLie;
  }

  /** Somebody takes a lease there, whoever it is. */
  take = (key: string): Issued => this.#issue(key);

  #issue(key: string): Issued {
    const now = this.#timeline.now();
    const { ttl = never, maxTerms = never } = this.nature;
    const isDead = key !== 'others' && ttl !== never && this.#lies();
    const issued: Issued = {
      id: `${this.name}-${this.leases.size + 1}`,
      key,
      issuedAt: now,
      maxExpiresAt: now + ttl * maxTerms,
      terms: [{ from: now, end: isDead ? now - seconds(10) : now + ttl }],
      endedAt: never,
      surprisedAt: Number.NEGATIVE_INFINITY,
      isFit: !this.#dice.chance(this.unfit),
      isOurs: false,
    };
    this.leases.set(issued.id, issued);
    this.last = [issued, ...this.last.slice(0, 3)];
    return issued;
  }

  #find(value: string) {
    const [, id = '', generation = ''] = /^VALUE:(.*)\.(\d+)$/.exec(value) ?? [];
    const issued = this.leases.get(id);
    const term = issued?.terms[Number(generation)];
    return issued && term && { issued, term };
  }

  #living(id: string): Issued {
    const issued = this.leases.get(id);
    if (!issued || !this.isLiving(issued)) throw new LeaseError('gone', 'no such lease');
    return issued;
  }

  #word = (issued: Issued): Word => ({
    issued,
    expiresAt: endOfTerm(issued),
    value: `VALUE:${issued.id}.${issued.terms.length - 1}`,
  });
}
