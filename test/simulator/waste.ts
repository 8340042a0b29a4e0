/** What a kill may cost: judged where nothing else excuses anybody, by what was asked of the provider and done to sinks. */
import { type Instant, minutes, seconds } from '../../src/core/time.ts';
import type { Kept } from './excuses.ts';
import type { Folder } from './folder.ts';
import { endOfTerm } from './issued.ts';
import type { SinkPlace } from './place.ts';
import type { World } from './world.ts';

/** So long before a kill nothing may have gone wrong, nor after the next start. */
const before = minutes(3);
const after = minutes(1);
/** What was due so long before is done by then. */
const late = minutes(20);
/** What has not moved for so long is delivered, acknowledged and written down. */
const settled = minutes(1);

interface Spent {
  readonly acquires: number;
  readonly places: readonly Pick<SinkPlace, 'writes' | 'reloads' | 'isUnread'>[];
}

export class Waste {
  readonly #world: World;

  constructor(world: World) {
    this.#world = world;
  }

  /** Between a kill and a minute after the next start: at most one acquire, and one reload that no write has brought or was owed. */
  onKill(back: Instant): void {
    const { timeline, kept, chaos } = this.#world;
    const now = timeline.now();
    const end = back + after;
    for (const one of kept) {
      // What would have been done without it is no waste: by what there is now, and by what is there then.
      if (isDue(one, end)) continue;
      const spent = this.#spent(one);
      const isPaid = areSettled(one, now);
      timeline.watch(end, () => {
        if (!this.#isCalm(one, now, end) || isDue(one, end)) return;
        chaos.happened(isPaid ? 'kill when all was paid' : 'kill when something was owed');
        this.#compare(one, spent, isPaid ? 0 : 1);
      });
    }
  }

  #compare(kept: Kept, spent: Spent, most: number): void {
    const { judge } = this.#world;
    const { acquires, places } = this.#spent(kept);
    const say = (what: string) => judge.break(5, `${what} of ${kept.name} after a single kill`);
    if (acquires - spent.acquires > most) say(`${acquires - spent.acquires} acquires`);
    for (const [i, { writes, reloads }] of places.entries()) {
      const former = spent.places[i] ?? { writes: 0, reloads: 0, isUnread: false };
      const written = writes - former.writes;
      if (most === 0 && written > 0) say(`a write to sink ${i}`);
      const owed = former.isUnread ? most : 0;
      if (reloads - former.reloads > written + owed + most) say(`${reloads - former.reloads} reloads at sink ${i}`);
    }
  }

  #spent = ({ name, places }: Kept): Spent => ({
    acquires: this.#world.judge.acquires.get(name) ?? 0,
    places: places.map(({ writes, reloads, isUnread }) => ({ writes, reloads, isUnread })),
  });

  /** One kill, and nothing else that anybody could name: no trouble here, nobody who meddles, a Redis that forgets nothing. */
  #isCalm(kept: Kept, from: Instant, end: Instant): boolean {
    const { judge, plan, troubles } = this.#world;
    const { excuses } = judge;
    const isNear = (at: Instant, lasting = 0, felt = before) => at <= end && at + lasting >= from - felt;
    const isAlone = excuses.kills.filter((at) => isNear(at)).length === 1;
    const isMeddled =
      plan.meddling > 0 || plan.provocations.some(({ at, what }) => what !== 'crash' && isNear(at, 0, minutes(10)));
    const isForgotten = plan.storeFails > 0 || plan.redis.some((fault) => isNear(fault.at, fault.for, minutes(15)));
    const isUnfit = plan.unfit > 0 && kept.isVerified;
    const isWoeful = plan.woes.some((woe) => woe.what === 'dates' || isNear(woe.at, woe.for));
    if (!isAlone || isMeddled || isForgotten || isUnfit || isWoeful) return false;
    // Of the kill itself it is noted that the process is away.
    const sinks = kept.places.flatMap((place) => excuses.placesOf(kept, place));
    const places = [...sinks, ...excuses.placesOf(kept)].filter((place) => place !== 'process');
    const all = [...places, ...excuses.others(kept)];
    // Who has little time left gives up a call that is no slower than others are allowed to be.
    return troubles.calm(all, from - before, end, seconds(5)) === end - from + before;
  }
}

/** Every sink holds the newest lease, and its programs use it; a token that no sink wants is written down. */
function areSettled({ issuer, places }: Kept, now: Instant): boolean {
  const [newest] = issuer.last;
  const term = newest?.terms.at(-1);
  if (!newest?.isOurs || !term || term.from > now - settled) return false;
  return places.every(
    ({ content, changedAt, programs, isAcknowledged }) =>
      (isAcknowledged || programs.every(({ told }) => told !== 'by the sink')) &&
      issuer.leaseOf(content ?? '') === newest &&
      issuer.termOf(content ?? '') === term &&
      changedAt < now - settled &&
      issuer.accepts(content ?? '') &&
      programs.every(({ loaded }) => loaded === content),
  );
}

/** When what is taken of a folder was another. */
const changesOf = (folder: Folder | undefined): readonly Instant[] =>
  [...(folder?.leases.values() ?? [])].map(({ issuedAt }) => issuedAt);

/** Since when there is what we make there. Its rotation stays due for as long as the provider's limits put it off. */
const madeAt = (folder: Folder | undefined): Instant =>
  folder?.server.rows.get(folder.how.generate ?? '')?.since ?? Number.POSITIVE_INFINITY;

/** Is there anything by then that would have been done without a kill? */
function isDue({ issuer, policy, rotatesEvery, places, folder }: Kept, end: Instant): boolean {
  const { ttl } = issuer.nature;
  const [place] = places;
  const issued = place ? issuer.leaseOf(place.content ?? '') : issuer.last[0];
  const term = issued?.terms.at(-1);
  if (!issued || !term || (ttl !== undefined && ttl < minutes(5))) return true;
  if (issuer.current && (issuer.current !== issued || end - issuer.currentSince < before * 2)) return true;
  // What nobody can read is asked for again and again, and for a while after it can be read.
  if (folder && (!folder.wanted || end - folder.wantedSince < before * 2)) return true;
  if (issued.surprisedAt > Number.NEGATIVE_INFINITY || issuer.surprises.length > 0) return true;
  const share = policy.renewAt - policy.jitter;
  const dates = [
    term.from + (endOfTerm(issued) - term.from) * share,
    // What cannot be renewed any more makes way in time for its grace, though never before its half.
    term.from + (endOfTerm(issued) - term.from) / 2,
    issued.issuedAt + (issued.maxExpiresAt - issued.issuedAt) / 2,
    issued.issuedAt + (rotatesEvery ?? Number.POSITIVE_INFINITY),
    madeAt(folder) + (rotatesEvery ?? Number.POSITIVE_INFINITY),
    // Others may have changed what stands beside it since, and it was no rotation.
    ...changesOf(folder)
      .map((at) => at + (rotatesEvery ?? Number.POSITIVE_INFINITY))
      .filter((at) => at > end - late),
  ];
  return dates.some((at) => at - seconds(10) < end);
}
