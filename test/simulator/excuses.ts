/** Who may be forgiven what: only for trouble in a place that concerns them, at the time that counts for them. */
import type { Policy } from '../../src/core/rules.ts';
import { type Duration, type Instant, minutes, seconds } from '../../src/core/time.ts';
import type { Folder } from './folder.ts';
import type { House } from './house.ts';
import { type Issued, never, windowOf } from './issued.ts';
import type { Issuer } from './issuer.ts';
import type { LockboxServer } from './lockbox-server.ts';
import type { SinkPlace } from './place.ts';
import type { Place, Troubles } from './troubles.ts';

/** One secret of the world, as it looks from outside. */
export interface Kept {
  readonly name: string;
  readonly issuer: Issuer;
  readonly house: House;
  readonly places: readonly SinkPlace[];
  readonly policy: Policy;
  readonly rotatesEvery?: Duration;
  readonly isToken: boolean;
  /** Nobody else takes leases there. */
  readonly isExclusive: boolean;
  readonly isVerified: boolean;
  /** Where its versions are kept, if it is one of Lockbox. */
  readonly lockbox?: LockboxServer;
  /** What is taken of a folder, if it is one of static secrets. */
  readonly folder?: Folder;
}

/** The longest that may pass, once all works again, before somebody who was left behind is found: the longest back-off. */
export const longestRecovery: Duration = minutes(6);

/** To look at its versions takes up to five requests, and all together have the time of one call: 35 s. */
const oneOfFive: Duration = seconds(7);

/** After one that was in vain another waits up to two seconds, and takes its time. */
const oneTry: Duration = seconds(3);

export class Excuses {
  /** When the process was killed. */
  readonly kills: Instant[] = [];
  /** When a process began after another. */
  readonly restarts: Instant[] = [];
  /** When the trouble was over for good. */
  calmSince: Instant = never;
  /** When nothing of it ran. */
  readonly stops: { readonly from: Instant; readonly to: Instant }[] = [];
  /** Per secret, when the latest acquires were begun. */
  readonly begun = new Map<string, readonly Instant[]>();
  /** Per secret, of how many acquires what was saved of it told only a guess of when they were begun, and until when. */
  readonly #guessed = new Map<string, { readonly count: number; readonly until: Instant }>();
  readonly #troubles: Troubles;

  constructor(troubles: Troubles) {
    this.#troubles = troubles;
  }

  /** For how long between then and then did the process run, if nobody killed it? */
  ran = (from: Instant, to: Instant): Duration =>
    this.stops.reduce((sum, stop) => sum - Math.max(0, Math.min(to, stop.to) - Math.max(from, stop.from)), to - from);

  /** When somebody ended it early: by when must it have been noticed and replaced? */
  noticed({ issuer }: Kept, { surprisedAt, goneAt = never, told }: Issued, end: Instant): Instant {
    const { observeEvery, renewal } = issuer.nature;
    // Of an end that an answer told of which nobody heard, nobody knows.
    const scheduled = renewal?.changesValues ? end : Math.max(end, told?.end ?? end);
    const asked = observeEvery === undefined ? never : surprisedAt + observeEvery;
    // Where nobody asks, it is found when it should have been renewed or would have ended by itself.
    const known = Number.isFinite(scheduled) ? scheduled : surprisedAt + minutes(5);
    // Once told, it is replaced at once; where that happens again and again, we think before we take another.
    const heard = goneAt + (isHarried(issuer, surprisedAt) ? longestRecovery : seconds(45));
    return Math.min(heard, Math.min(asked, Math.max(known, surprisedAt)) + longestRecovery);
  }

  /** Where they are destroyed again and again: when was whoever thinks before making another shown that this one is? */
  heard({ issuer, lockbox }: Kept, value: string): Instant {
    const { surprisedAt = 0 } = issuer.leaseOf(value) ?? {};
    const shownAt = isHarried(issuer, surprisedAt) ? lockbox?.versions.shownFrom(issuer.endOf(value)) : undefined;
    return shownAt ?? Number.NEGATIVE_INFINITY;
  }

  /**
   * Others have set its end, and who asks as often as is said, and does not where the provider wants silence or cannot
   * be asked, need not have seen it before a write was under way.
   */
  isUnseen({ name, issuer, lockbox, house }: Kept, { surprisedAt }: Issued, now: Instant): boolean {
    const needed = (issuer.nature.observeEvery ?? 0) + seconds(70);
    const deaf = [...['silence', 'provider', 'hang'].map((what) => `${what}/${house.name}`), `call/${name}`];
    const heard = this.#troubles.calm(deaf, surprisedAt, now, oneOfFive);
    return lockbox !== undefined && Math.min(heard, this.ran(surprisedAt, now)) < needed;
  }

  /** Was there trouble that concerns them for most of the emergency window? Answers with when it ended. */
  excuse(kept: Kept, place: SinkPlace, from: Instant, due: Instant, isForgotten = false): Instant | undefined {
    const window = windowOf(due - from);
    // Who cannot know of it holds nothing that is alive: a provider that asks for silence then is given it.
    const silence = isForgotten ? [`silence/${kept.house.name}`] : [];
    const places = [...this.placesOf(kept, place), ...silence];
    const calm = this.#troubles.calm(places, due - window, due, window / 20);
    // For all that they know it is dead already.
    const felt = isForgotten ? this.lastTrouble(kept, place, due - longestRecovery, due) : undefined;
    if (felt !== undefined) return felt;
    if (this.#isOrphan(kept, due, minutes(3)) || this.#isSpent(kept, due - window)) return due;
    // Acquires that another process dated by a clock that was ahead seem to be the latest: promise 5 forbids more.
    const lately = due - minutes(6) - kept.house.worstLie;
    if (this.astray(kept.house, lately, due) > 0 && this.wasInherited(kept.house)) return due;
    const { count, until } = this.#guessed.get(kept.name) ?? { count: 0, until: Number.NEGATIVE_INFINITY };
    const since = (this.begun.get(kept.name) ?? []).filter((at) => at > until);
    if ((isForgotten || count + since.length > 6) && until > due - minutes(6)) return due;
    return calm < Math.max(window * 0.45, oneTry)
      ? (this.#troubles.lastEnd(places, due - window, due) ?? due)
      : undefined;
  }

  /**
   * Who does not know when the last acquires were made takes them for the latest that are possible (promise 5): what it
   * does not know of may end meanwhile.
   */
  noteGuesses(secret: string, count: number, now: Instant): void {
    const guessed = this.#guessed.get(secret);
    if (count > 0) this.#guessed.set(secret, { count, until: never });
    else if (guessed?.until === never) this.#guessed.set(secret, { ...guessed, until: now });
  }

  /**
   * So many acquires were made, or cut off by a kill before they were sent, that promise 5 forbids another in time. Not for
   * ever: who takes so many without need is late again and again.
   */
  #isSpent = ({ name, house }: Kept, since: Instant): boolean =>
    since < this.calmSince + minutes(12) &&
    [name, house.tokens?.name ?? name].some(
      (each) => [...(this.begun.get(each) ?? []), ...this.kills].filter((at) => since - at < minutes(5.5)).length > 4,
    );

  /** What is dead already nobody hurries for: each trouble may delay it by the longest back-off. */
  lastTrouble(kept: Kept, place: SinkPlace, from: Instant, to: Instant): Instant | undefined {
    // That there is something again is seen when it is next asked.
    const settled = (kept.issuer.nature.observeEvery ?? 0) + longestRecovery;
    return this.#isOrphan(kept, to, settled) || this.#isSpent(kept, to) ? to : this.felt(kept, place, from, to);
  }

  /** When the trouble was over that was last felt between then and then, whatever there is to be had. */
  felt(kept: Kept, place: SinkPlace, from: Instant, to: Instant): Instant | undefined {
    return this.#troubles.lastEnd([...this.placesOf(kept, place), `silence/${kept.house.name}`], from, to);
  }

  /**
   * How far may a date be wrong that was reckoned then from a lifetime, because the provider's dates were? Or is taken to
   * be to come, by a process that was told the wrong time and has the date from another.
   */
  misled({ issuer, house }: Kept, at: Instant, now: Instant): Duration {
    if (issuer.nature.kind !== 'token') return 0;
    const inherited = this.wasInherited(house) ? this.astray(house, now, now) : 0;
    return Math.max(this.astray(house, at, at), inherited);
  }

  /** How far may we have been off the provider's time between then and then, because its dates were wrong? */
  astray = ({ name, worstLie }: House, from: Instant, to: Instant): Duration =>
    this.#troubles.lastEnd([`dates/${name}`], from, to) === undefined ? 0 : worstLie;

  /** Has a process begun, or been told the time at last, since its dates were first wrong? It never knew it as others did. */
  wasInherited = ({ liedAt, learntAt }: House): boolean => this.restarts.some((at) => Math.max(at, learntAt) >= liedAt);

  /** There is nothing that could take its place. */
  #isOrphan({ issuer, isVerified, lockbox, folder }: Kept, now: Instant, settled: Duration): boolean {
    // It answers with the same again for a while, and that one is of no use.
    if (issuer.nature.kind === 'iam') return isVerified && issuer.last[0]?.isFit === false;
    if (folder) return folder.wanted === undefined || (isVerified && !folder.wanted.isFit);
    if (!lockbox) return false;
    const { wanted, wantedSince, current, how } = lockbox.versions;
    const isFit = (issued: Issued | undefined) => issued !== undefined && (issued.isFit || !isVerified);
    // What we make ourselves need not wait for others.
    return now - wantedSince < settled || !isFit(how.generate ? current : wanted);
  }

  /** Where it only has to have been slow for more to be asked, or less. */
  others = ({ house }: Kept): readonly Place[] => ['renew', 'login', 'silence'].map((what) => `${what}/${house.name}`);

  /** Where trouble has to be for this program to be concerned; what no sink wants is concerned by the rest. */
  placesOf(kept: Kept, place?: SinkPlace): readonly Place[] {
    const { name, issuer, house, places, isToken, isVerified, folder } = kept;
    const own = ['provider', 'acquire', 'payload', 'hang'].map((what) => `${what}/${house.name}`);
    const shared = folder ? [`call${folder.server.path}`] : [];
    const there = [`call/${name}`, ...shared, ...(place ? [`sink/${place.path}`, `reload/${place.path}`] : [])];
    const others = place?.programs.some(({ told }) => told === 'by the secret')
      ? [`reload/${name}`, ...places.flatMap(({ path }) => [`sink/${path}`, `reload/${path}`])]
      : [];
    const needsToken = !isToken && house.tokens !== undefined;
    return [
      ...own,
      ...there,
      ...others,
      ...(isVerified ? [`proof/${name}`] : []),
      ...(needsToken ? [`call/${house.tokens?.name}`] : []),
      ...(issuer.nature.kind === 'token' || needsToken ? [`login/${house.name}`] : []),
      `dates/${house.name}`,
      'process',
      'store',
    ];
  }
}

/** It was not the only one to which that happened. */
const isHarried = ({ surprises }: Issuer, surprisedAt: Instant): boolean =>
  surprises.filter((at) => surprisedAt - at < minutes(30)).length > 1;
