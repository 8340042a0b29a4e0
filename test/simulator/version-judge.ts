/**
 * What the promises mean where a secret is one of Lockbox. A value that a consumer uses is good as long as its version
 * has not been destroyed and is the one that is to be had: the pinned one, or else the current one. When that becomes
 * another, which can be read, consumers have it within one observation and the longest back-off, or somebody has an
 * excuse for so long. What nobody can read (deactivated, scheduled, destroyed, not fit) replaces nothing: until there is
 * something better the last good value stays, and that it is dead is excused.
 */
import { type Duration, type Instant, minutes, seconds } from '../../src/core/time.ts';
import type { Kept } from './excuses.ts';
import { aftermath, Had, patienceOf, wantedOf } from './had.ts';
import { endOfTerm, type Issued, idOf } from './issued.ts';
import type { SinkPlace } from './place.ts';
import { others, type Versions, valueIn } from './versions.ts';
import type { World } from './world.ts';

/** Could there be something else? What others have made current is theirs to replace, also if it fails its proofs. */
export function isReplaceable({ lockbox, folder, isVerified }: Kept): boolean {
  if (folder) return folder.wanted !== undefined;
  if (!lockbox) return true;
  const { how, current, wanted } = lockbox.versions;
  if (!how.generate) return wanted !== undefined;
  const isTheirs = current !== undefined && current.key === others && lockbox.versions.stateOf(current) === 'active';
  return !(isTheirs && isVerified && !current.isFit);
}

export function judgeVersions(world: World): void {
  for (const kept of world.kept) if (kept.lockbox) new VersionJudge(world, kept, kept.lockbox.versions).begin();
}

/** What we have scheduled by mistake, since others were quicker, is saved as soon as that is seen. */
const saving: Duration = minutes(2);

/** An end that was lifted for good, or is set again already, is set within this time at most: as long as two requests may take. */
const restoring: Duration = seconds(75);

class VersionJudge {
  readonly #world: World;
  readonly #kept: Kept;
  readonly #versions: Versions;
  /** Versions that some sink has held, and when each was last put there. */
  readonly #delivered = new Map<string, Instant>();
  readonly #had: Had;
  readonly #contents = new Map<SinkPlace, string>();
  /** By intent, the version that was made for it. */
  readonly #made = new Map<string, string>();

  constructor(world: World, kept: Kept, versions: Versions) {
    this.#world = world;
    this.#kept = kept;
    this.#versions = versions;
    this.#had = new Had(world, kept, versions);
  }

  begin(): void {
    const versions = this.#versions;
    versions.onSchedule = (issued, sentAt, end) => {
      if (!this.#isRestored(issued, end)) this.#onSchedule(issued, sentAt);
    };
    versions.onAdd = (issued, intent) => this.#onAdd(issued, intent);
    const { onMenaced } = versions;
    versions.onMenaced = (issued) => {
      onMenaced(issued);
      this.#watchRescue(issued);
    };
    for (const place of this.#kept.places) {
      const { onChange } = place;
      place.onChange = (changed, before) => {
        onChange(changed, before);
        this.#onContent(changed, before);
      };
    }
    this.#had.begin();
  }

  #break(promise: number, what: string): void {
    this.#world.judge.break(promise, what);
  }

  /** Promise 1: what is to be kept alive is, where there was time for it. */
  #watchRescue(issued: Issued): void {
    const versions = this.#versions;
    const { timeline, judge } = this.#world;
    const [since, end] = [timeline.now(), endOfTerm(issued)];
    const isConcerned = versions.how.onDestroyScheduled === 'cancel' && issued === versions.chosen;
    if (!isConcerned || end - since < patienceOf(this.#kept)) return;
    timeline.watch(end, () => {
      if (endOfTerm(issued) !== end || issued !== versions.chosen) return;
      if (!versions.how.isPinned && versions.currentSince > since) return;
      const [place] = this.#kept.places;
      const isExcused = place && judge.excuses.felt(this.#kept, place, since - aftermath, end) !== undefined;
      if (!isExcused) this.#break(1, `${issued.id} was destroyed although it was to be saved`);
    });
  }

  /**
   * An end that we had lifted to build upon the version is set again: to when it was to be, as far as we know the
   * provider's time. Whoever has moved it behind our back has it moved back.
   */
  #isRestored(issued: Issued, end: Instant): boolean {
    const { scheduled, lifted, how } = this.#versions;
    const { house } = this.#kept;
    const ours = lifted.get(issued);
    const now = this.#world.timeline.now();
    const isOver = how.onDestroyScheduled === 'cancel' || ours?.isSetAgain;
    if (!ours || (isOver && now - ours.at > restoring)) return false;
    const tolerance = 2 * house.uncertainty + this.#world.judge.excuses.astray(house, ours.at, now);
    // Once it is lifted nobody is shown to when it had been moved.
    const shownAt = this.#versions.shownBefore(ours.isSetAgain ? now : ours.at);
    return end >= ours.end - tolerance || (scheduled.get(issued)?.at ?? 0) >= shownAt;
  }

  /** Promise 2: never what is current, as far as we could know; never, as promise 4, what we have not taken. */
  #onSchedule(issued: Issued, sentAt: Instant): void {
    const versions = this.#versions;
    const { timeline, judge } = this.#world;
    const now = timeline.now();
    if ((this.#delivered.get(issued.id) ?? Number.NEGATIVE_INFINITY) <= sentAt) this.#kept.issuer.onRevoke(issued);
    // What others add to a store that we rotate we take, and retire like our own: not what we found to be of no use,
    // unless a person wants the end of all that we hold.
    const askedAt = judge.askedToRevoke.get(this.#kept.name) ?? Number.NEGATIVE_INFINITY;
    const isTaken = issued.isOurs && (issued.isFit || !this.#kept.isVerified || issued.issuedAt <= askedAt);
    if (issued.key === others && !this.#delivered.has(issued.id) && !isTaken) {
      this.#break(4, `${issued.id}, which others have added and we have not taken, is to be destroyed`);
    }
    if (issued !== versions.current) return;
    if (versions.currentSince < versions.shownBefore(sentAt))
      this.#break(2, `${issued.id} is current, and to be destroyed`);
    timeline.watch(now + saving, () => {
      const isStill = versions.stateOf(issued) === 'scheduled' && versions.scheduled.get(issued)?.isOurs === true;
      const [place] = this.#kept.places;
      if (!isStill || issued !== versions.current || !place) return;
      if (judge.excuses.felt(this.#kept, place, now - seconds(1), now + saving) === undefined) {
        this.#break(2, `${issued.id} was made current, and is still to be destroyed`);
      }
    });
  }

  /** Promise 4: one intent makes one version. */
  #onAdd({ id }: Issued, intent: string | undefined): void {
    if (intent === undefined) return;
    const before = this.#made.get(intent);
    const issued = before === undefined ? undefined : this.#versions.leases.get(before);
    // What others have put an end to, if only for a while, is made again.
    const isGood = issued && this.#versions.stateOf(issued) === 'active' && !this.#versions.spared.has(issued);
    if (isGood) this.#break(4, `${before} and ${id} were both added for one intent`);
    this.#made.set(intent, id);
  }

  /** Promise 7: what is to be had is not given up for what is not. */
  #onContent(place: SinkPlace, before: string | undefined): void {
    const { content } = place;
    if (content === undefined || content === before) return;
    const isTakenUp = this.#contents.get(place) === content;
    this.#contents.set(place, content);
    this.#had.serve(place);
    this.#delivered.set(idOf(content), this.#world.timeline.now());
    const wanted = wantedOf(this.#kept);
    if (!wanted || before !== valueIn(wanted)) return;
    const issued = this.#versions.leaseOf(content);
    const isReadable = issued !== undefined && this.#versions.stateOf(issued) === 'active';
    const { wantedSince } = this.#versions;
    const now = this.#world.timeline.now();
    // Who cannot be asked, or wants silence, cannot tell of it.
    const deaf = this.#world.judge.excuses.felt(this.#kept, place, wantedSince, now) ?? wantedSince;
    const since = now - Math.min(now, Math.max(wantedSince, deaf));
    // Programs may be told while it is seen that there is something better.
    const unseen = isTakenUp ? (this.#kept.issuer.nature.observeEvery ?? 0) + seconds(70) : minutes(2);
    if (!isReadable && since > unseen) this.#break(7, `${place.path} lost ${before}, to be had, to ${content}`);
  }
}
