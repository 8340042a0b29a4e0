/** What others do to the versions of a secret, by themselves and right in the midst of what we do. */
import { type Duration, days, hours, type Instant, minutes, seconds } from '../../src/core/time.ts';
import type { Kept } from './excuses.ts';
import { endOfTerm, type Issued, never } from './issued.ts';
import { idle } from './timeline.ts';
import { others, type Versions } from './versions.ts';
import type { World } from './world.ts';

/** Each as it is counted. */
export const meddlings = [
  'others add a version',
  'others go back to an older version',
  'others schedule the current version',
  'others schedule the pinned version',
  'others schedule a former version',
  'others move an end',
  'others lift an end',
  'others deactivate the secret',
  'others race our request',
  'the current version is destroyed',
  'the pinned version is destroyed',
  'a former version is destroyed',
  'an operation takes its time',
  'an operation fails late',
] as const;
type Meddling = (typeof meddlings)[number];

export class VersionMeddlers {
  readonly #world: World;

  constructor(world: World) {
    this.#world = world;
    for (const one of world.kept) {
      const { lockbox } = one;
      if (lockbox) lockbox.versions.onMenaced = (issued) => this.#awaitEnd(lockbox.versions, issued);
    }
  }

  begin(): void {
    for (const one of this.#world.kept) if (one.lockbox && one.lockbox.versions.how.meddling > 0) this.#next(one);
  }

  #next(one: Kept): void {
    const { plan, timeline, dice } = this.#world;
    const mean = one.lockbox?.versions.how.meddling ?? 0;
    timeline.after(dice.gap(mean), () => {
      if (timeline.now() >= plan.trouble) return idle;
      this.meddle(one);
      this.#next(one);
      return idle;
    });
  }

  /** Right before and right after a request of ours takes effect. */
  race(one: Kept): void {
    const { plan, timeline, dice } = this.#world;
    const racing = one.lockbox?.versions.how.racing ?? 0;
    if (racing === 0 || timeline.now() >= plan.trouble || !dice.chance(racing)) return;
    this.#tell('others race our request');
    this.meddle(one);
  }

  meddle({ lockbox }: Kept): void {
    if (!lockbox) return;
    const { versions } = lockbox;
    const { dice } = this.#world;
    const pinned = versions.how.isPinned ? 'others schedule the pinned version' : 'others add a version';
    const what = dice.oneOf<Meddling>(
      'others add a version',
      'others add a version',
      'others go back to an older version',
      'others schedule the current version',
      pinned,
      pinned,
      pinned,
      'others schedule a former version',
      'others move an end',
      'others lift an end',
      'others lift an end',
      'others deactivate the secret',
    );
    if (this.#does(what, versions)) this.#tell(what, versions);
  }

  /** Can it be done at all? Then it is. */
  #does(what: Meddling, versions: Versions): boolean {
    const { current, pinned } = versions;
    switch (what) {
      case 'others add a version':
        if (versions.isActive) versions.add(others);
        return versions.isActive;
      case 'others go back to an older version':
        return this.#do(this.#one(versions, 'active'), (issued) => versions.makeCurrent(issued));
      case 'others schedule the current version':
        return this.#schedule(versions, current);
      case 'others schedule the pinned version':
        return this.#schedule(versions, pinned, this.#world.dice.oneOf(this.#soon(), this.#end()));
      case 'others schedule a former version':
        return this.#schedule(versions, this.#one(versions, 'active'));
      case 'others move an end':
        return this.#do(this.#one(versions, 'scheduled'), (issued) => versions.plan(issued, this.#end(), false));
      case 'others lift an end':
        return this.#do(this.#one(versions, 'scheduled'), (issued) => versions.lift(issued, false));
      case 'others deactivate the secret':
        return this.#deactivate(versions);
      default:
        return false;
    }
  }

  #do(issued: Issued | undefined, act: (issued: Issued) => void): boolean {
    if (issued) act(issued);
    return issued !== undefined;
  }

  #schedule(versions: Versions, issued: Issued | undefined, end = this.#end()): boolean {
    if (!issued || versions.stateOf(issued) !== 'active') return false;
    versions.plan(issued, end, false);
    return true;
  }

  #soon = (): Instant => this.#world.timeline.now() + this.#world.dice.between(seconds(20), minutes(5));

  #end(): Instant {
    const { dice, timeline } = this.#world;
    const later = [dice.between(minutes(5), hours(2)), days(7)].map((length) => timeline.now() + length);
    return dice.oneOf(this.#soon(), ...later);
  }

  /** One of the latest in that state, but not the current one. */
  #one(versions: Versions, state: 'active' | 'scheduled'): Issued | undefined {
    const some = [...versions.leases.values()].filter(
      (issued) => versions.stateOf(issued) === state && (state === 'scheduled' || issued !== versions.current),
    );
    return some.at(-1 - this.#world.dice.between(0, Math.min(4, some.length)));
  }

  /** Until somebody who misses it activates it again. */
  #deactivate(versions: Versions): boolean {
    const { dice, timeline, troubles } = this.#world;
    if (!versions.isActive) return false;
    const length: Duration = dice.oneOf(dice.between(0, minutes(1)), dice.between(minutes(1), minutes(25)));
    const now = timeline.now();
    versions.activate(false);
    troubles.note(`call/${versions.name}`, now, now + length);
    timeline.after(length, () => {
      versions.activate(true);
      return idle;
    });
    return true;
  }

  #awaitEnd(versions: Versions, issued: Issued): void {
    const end = endOfTerm(issued);
    if (end === never || end > this.#world.plan.trouble) return;
    this.#world.timeline.watch(end, () => {
      if (endOfTerm(issued) !== end) return;
      const isPinned = issued === versions.pinned;
      const which = isPinned ? 'the pinned' : issued === versions.current ? 'the current' : 'a former';
      this.#tell(`${which} version is destroyed`, versions);
    });
  }

  #tell(what: Meddling, versions?: Versions): void {
    const { chaos, log, timeline } = this.#world;
    chaos.happened(what);
    if (versions) log?.(`${timeline.now()} ${versions.name}: ${what}; current is ${versions.current?.id}`);
  }
}
