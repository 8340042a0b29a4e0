/** Brings upon Redis what is planned for it, and knows what nobody can remember after that. */
import { type Duration, type Instant, seconds } from '../../src/core/time.ts';
import type { Kept } from './excuses.ts';
import type { Issued } from './issued.ts';
import { lasts, Redis, type RedisFault } from './redis.ts';
import type { World } from './world.ts';

/** A record that was lost is written back when it is next read, and what happened while Redis was away told, by then. */
const settled = seconds(10);
const verifiedAfter = seconds(20);
/** What is dated by our own clock is so much off at most, unless there is worse. */
const anyDoubt = seconds(5);
/** After a single failure: what is under way may take so long, and only then all is told. */
const longestAbsence = seconds(30);
const longestWay = seconds(36);

export class Forgetful {
  readonly #world: World;
  /** Until then Redis may not know all. */
  #gapUntil: Instant = Number.NEGATIVE_INFINITY;
  /** Redis does not answer before then: nobody can start. */
  backAt: Instant = 0;
  #awakeAt: Instant = 0;

  constructor(world: World) {
    this.#world = world;
  }

  begin(faults: readonly RedisFault[]): void {
    const { timeline, records, plan } = this.#world;
    if (plan.hasLifeline) records.onFailure = () => this.#open(timeline.now() + longestAbsence);
    for (const fault of faults) {
      let snapshot: Redis | undefined;
      if (fault.what === 'older') {
        timeline.watch(fault.at - fault.for, () => {
          snapshot = this.#world.records.redis.snapshot();
        });
      }
      timeline.at(fault.at, () => this.#befall(fault, snapshot));
    }
  }

  #befall(fault: RedisFault, snapshot: Redis | undefined): void {
    const { timeline, records, log } = this.#world;
    const now = timeline.now();
    if (records.fault) return;
    log?.(`${now} Redis is ${fault.what}${lasts(fault) ? `, until ${now + fault.for}` : ''}`);
    const end = lasts(fault) ? now + fault.for : now;
    // Until it is noticed that it is away, and that it is back.
    this.#excuse(now);
    if (!lasts(fault)) {
      if (fault.what === 'wiped') records.redis.restore(new Redis());
      else if (snapshot) records.redis.restore(snapshot);
      const verified = now + verifiedAfter;
      timeline.watch(verified, () => this.#world.records.verify());
      // What a process before this one saw, and this one has not read yet, nobody remembers.
      for (const one of this.#world.kept) if (!records.hasSeen(one.name)) this.#forget(one);
      this.#open(verified + 1);
      return;
    }
    this.#open(end + settled);
    records.fault = fault;
    if (fault.what !== 'slow') this.backAt = end;
    timeline.at(end, () => {
      records.fault = undefined;
      this.#excuse(end);
    });
  }

  #open(until: Instant): void {
    const isStopped = this.#awakeAt > this.#world.timeline.now();
    this.#gapUntil = Math.max(until, this.#gapUntil, isStopped ? this.#awakeAt + longestAbsence : 0);
  }

  /** The process is stopped until then. What it has not told it tells after that, and looks whether Redis went back. */
  onStop(until: Instant): void {
    const { timeline } = this.#world;
    this.#awakeAt = until;
    if (timeline.now() <= this.#gapUntil) this.#open(until + longestAbsence);
  }

  #excuse(at: Instant): void {
    this.#world.troubles.note('store', at, at + settled);
  }

  /** What only the process knew that was killed, nobody will ever know. */
  onCrash(): void {
    const { records, timeline } = this.#world;
    const now = timeline.now();
    if (now > this.#gapUntil) return;
    if (!records.fault) this.#gapUntil = now;
    for (const one of this.#world.kept) this.#forget(one);
  }

  /** How far two processes may differ about the time, where nobody has told it to the second yet. */
  #setBack(): Duration {
    const { clockErrors, woes } = this.#world.plan;
    const errors = [0, ...(clockErrors ?? [])];
    const steps = woes.map((woe) => (woe.what === 'wall' ? Math.abs(woe.by) : 0));
    return Math.max(...errors) - Math.min(...errors) + steps.reduce((a, b) => a + b, 0);
  }

  #forget({ name, issuer, house, isExclusive }: Kept): void {
    const { records, judge, timeline } = this.#world;
    const asked = new Set(this.#world.keys);
    const { leases, intent } = records.get(name).record;
    const known = new Set(leases.map(({ lease }) => lease.id));
    // Nor what came of a renewal.
    for (const { lease } of leases) {
      const issued = issuer.named(lease.id);
      const end = lease.expiresAt === undefined ? undefined : lease.expiresAt - house.skew;
      if (issued?.told && end !== undefined && end < issued.told.end - anyDoubt) issued.told = { ...issued.told, end };
    }
    // Whoever remembers nothing at all looks for all that there is, where nobody else has anything there.
    const isSought = isExclusive && issuer.nature.canSearch && leases.length === 0;
    const forget = (isForgotten: (issued: Issued) => boolean) => {
      if (isSought) return;
      for (const issued of issuer.leases.values()) if (isForgotten(issued)) judge.forgotten.add(issued.id);
    };
    forget(({ id }) => !known.has(id));
    // What was on its way without anybody's having noted that arrives all the same.
    const now = timeline.now();
    timeline.watch(now + longestWay, () =>
      forget(({ key, issuedAt }) => issuedAt >= now && asked.has(key) && key !== intent?.key),
    );
    judge.forget(name, this.#setBack());
  }
}
