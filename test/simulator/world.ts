/** One random world: providers, sinks, a process that is killed now and then, and a judge. The seed is all there is to it. */
import type { SecretRecord } from '../../src/core/record.ts';
import { type Duration, hours, type Instant, minutes, seconds } from '../../src/core/time.ts';
import type { KeeperEvent } from '../../src/keeper/events.ts';
import { Chaos } from './chaos.ts';
import { type Ask, boot } from './daemon.ts';
import type { Kept } from './excuses.ts';
import { judgeFolders } from './folder-judge.ts';
import { FolderMeddlers } from './folder-meddlers.ts';
import { Forgetful } from './forgetful.ts';
import { House } from './house.ts';
import { Judge } from './judge.ts';
import { keptIn } from './kept.ts';
import { type Blow, Life } from './life.ts';
import { Limits } from './limits.ts';
import { Meddlers } from './meddlers.ts';
import { aPlan, healing, type Plan } from './plan.ts';
import { Records } from './records.ts';
import { Dice, Timeline } from './timeline.ts';
import { Troubles } from './troubles.ts';
import { selfHarm, unhealed } from './verdict.ts';
import { judgeVersions } from './version-judge.ts';
import { VersionMeddlers } from './version-meddlers.ts';
import { Wakes } from './wakes.ts';
import { Waste } from './waste.ts';
import { befall } from './woes.ts';

export class World {
  readonly timeline = new Timeline();
  readonly dice: Dice;
  readonly plan: Plan;
  readonly troubles: Troubles;
  readonly chaos: Chaos;
  readonly records: Records;
  readonly wakes: Wakes;
  readonly judge: Judge;
  readonly kept: readonly Kept[];
  readonly houses: readonly House[];
  /** By secret, leases that were said to be left to their own end. */
  readonly orphaned = new Map<string, number>();
  /** How often each act was done, for each reason, with each outcome. */
  readonly done: Record<string, number> = {};
  /** Told everything that happens, one line each. */
  log: ((line: string) => void) | undefined;
  life: Life | undefined;
  readonly forgetful: Forgetful;
  readonly waste: Waste;
  readonly meddlers: VersionMeddlers;
  readonly folderMeddlers: FolderMeddlers;
  /** Asked at every call that anybody makes: is it the one that kills the process? */
  blow: () => Blow | undefined = () => undefined;
  /** What a person does. */
  ask: Ask = () => undefined;
  /** How far our wall clock was set since the world began. */
  wallError: Duration = 0;
  /** Those of all acquires, whatever became of them. */
  readonly keys: string[] = [];
  #boots = 0;
  readonly #seed: number;

  constructor(seed: number, plan?: Plan) {
    this.#seed = seed;
    this.plan = plan ?? aPlan(new Dice(seed), seed);
    // Others than those of the plan: it can be lived again, and a smaller one instead of it.
    this.dice = new Dice(~seed);
    const { timeline, dice } = this;
    const { focus, background, pace, trouble } = this.plan;
    this.troubles = new Troubles(timeline);
    this.chaos = new Chaos(timeline, dice, this.troubles, { focus, background, pace });
    this.chaos.kill = () => this.crash();
    this.records = new Records(timeline, dice, this.troubles);
    this.wakes = new Wakes(timeline, dice, this.troubles);
    this.houses = this.plan.houses.map(
      ({ name }) => new House(name, timeline, this.troubles, dice, this.plan.clockErrors !== undefined),
    );
    for (const [i, { limits }] of this.plan.houses.entries()) {
      const house = this.houses[i];
      if (house && limits) house.limits = new Limits(limits, timeline);
    }
    this.kept = this.plan.houses.flatMap((house, i) => keptIn(this, house, this.houses[i]));
    this.judge = new Judge(timeline, this.troubles, this.kept);
    this.meddlers = new VersionMeddlers(this);
    this.folderMeddlers = new FolderMeddlers(this);
    judgeVersions(this);
    judgeFolders(this);
    this.records.onSave = (secret, record, json) => this.#onSave(secret, record, json);
    this.records.isFaithful = seed % 4 === 0;
    this.forgetful = new Forgetful(this);
    this.waste = new Waste(this);
    timeline.at(trouble, () => this.#calm());
  }

  /** Live through the trouble, then heal; answers with the promises that were broken. */
  async live(): Promise<readonly string[]> {
    const { plan, timeline, troubles } = this;
    for (const { place, from, to } of plan.outages) this.#outage(place, from, to);
    for (const crash of plan.crashes) timeline.at(crash, () => this.crash());
    this.wakes.losses = plan.losses;
    this.wakes.delays = plan.delays;
    this.records.failing = plan.storeFails;
    this.records.slow = plan.storeIsSlow;
    this.wakes.onBegun = (job, lateness) =>
      this.log?.(`${timeline.now()} begins ${JSON.stringify(job)} ${lateness} ms late`);
    const meddlers = new Meddlers(this);
    meddlers.begin();
    this.meddlers.begin();
    this.folderMeddlers.begin();
    for (const { at, what, outage } of plan.provocations) {
      if (outage) troubles.outage(`${outage.of}/A`, at, Math.min(plan.trouble, at + outage.for));
      timeline.at(at, () => meddlers.provoke(what));
    }
    this.forgetful.begin(plan.redis);
    for (const woe of plan.woes) timeline.at(woe.at, () => befall(this, woe));
    this.boot();
    const { least, most } = healing(plan);
    await timeline.runUntil(plan.trouble + least);
    let wrong = unhealed(this.judge, timeline.now(), this.orphaned);
    while (wrong.length > 0 && timeline.now() < plan.trouble + most) {
      await timeline.runUntil(timeline.now() + seconds(15));
      wrong = unhealed(this.judge, timeline.now(), this.orphaned);
    }
    selfHarm(this.judge);
    return [...this.judge.broken, ...wrong];
  }

  #outage(place: string, from: number, to: number): void {
    if (!place.startsWith('login/')) {
      this.troubles.outage(place, from, to);
      return;
    }
    // Who was rejected twice waits for five minutes, unless the credential is seen to be a new one.
    this.troubles.outage(place, from, to, minutes(5) + seconds(5));
    const house = this.houses.find(({ name }) => place === `login/${name}`);
    if (this.dice.chance(0.5)) this.timeline.at(to, () => house?.renewCredential());
  }

  boot(): void {
    const life = new Life(this.timeline);
    this.life = life;
    life.blow = () => this.blow();
    life.onGhost = () => this.judge.broken.push(`at ${this.timeline.now()} a stopped process did something`);
    this.log?.(`${this.timeline.now()} boots`);
    const newKey = () => {
      const key = `key${this.keys.length + 1}`;
      this.keys.push(key);
      return key;
    };
    const onEvent = (event: KeeperEvent) => this.#onEvent(event);
    const kill = () => this.crash();
    const { hasLifeline, clockErrors } = this.plan;
    if (this.#boots > 0) this.judge.excuses.restarts.push(this.timeline.now());
    const error = clockErrors?.[this.#boots++ % clockErrors.length];
    const clockError = error === undefined ? undefined : () => error + this.wallError;
    this.ask = boot({ ...this, newKey, onEvent, kill, hasLifeline, clockError }, life);
  }

  /** Nothing of the process runs for so long. */
  stop(length: Duration): void {
    const { life, timeline, troubles } = this;
    const [now, until] = [timeline.now(), timeline.now() + length];
    if (!life?.isAlive || life.isStopped) return;
    life.stop();
    this.log?.(`${now} is stopped until ${until}`);
    const end = troubles.begin('process', now, 'broken');
    this.judge.excuses.stops.push({ from: now, to: until });
    this.forgetful.onStop(until);
    timeline.at(until, () => {
      if (!life.isAlive) return;
      end();
      troubles.note('process', until, until + seconds(1));
      life.goOn(this.dice.chance(0.5));
    });
  }

  /** Killed, and back after up to a minute. */
  crash(): void {
    if (!this.life?.isAlive) return;
    this.life.kill();
    this.judge.excuses.kills.push(this.timeline.now());
    this.wakes.abandon();
    this.troubles.endAll();
    const now = this.timeline.now();
    this.forgetful.onCrash();
    const back = Math.max(now + this.dice.between(100, 60_000), this.forgetful.backAt + seconds(1));
    this.log?.(`${now} is killed, and back at ${back}`);
    const isLate = back === this.forgetful.backAt + seconds(1);
    this.troubles.note('process', now, back + (isLate ? minutes(1) : seconds(1)));
    this.waste.onKill(back);
    this.#bootAt(back);
  }

  #bootAt(back: Instant): void {
    this.timeline.at(back, () => {
      const { backAt } = this.forgetful;
      // Redis fell away while we did: nobody starts without.
      if (backAt > back) {
        this.troubles.note('process', back, backAt + minutes(1));
        this.#bootAt(backAt + seconds(1));
        return;
      }
      // With a Redis that takes 2 s for each command a start takes most of a minute.
      if (this.records.fault?.what === 'slow') this.troubles.note('process', back, back + minutes(1));
      this.boot();
    });
  }

  #calm(): void {
    this.chaos.isOver = true;
    this.judge.excuses.calmSince = this.timeline.now();
    this.wakes.losses = 0;
    this.wakes.delays = 0;
    this.records.failing = 0;
    this.records.slow = 0;
    for (const house of this.houses) house.calm();
    for (const { issuer, lockbox, folder } of this.kept) {
      issuer.lies = 0;
      issuer.unfit = 0;
      lockbox?.calm();
      folder?.server.calm();
    }
  }

  #onSave(secret: string, record: SecretRecord, json: string | undefined): void {
    if (json !== undefined) this.judge.onText('the store', json);
    if (record.sequence) this.judge.onNumber(secret, record.sequence);
    const guessed = (record.acquires ?? []).filter((at) => record.guesses?.includes(at));
    this.judge.excuses.noteGuesses(secret, guessed.length, this.timeline.now());
    const issuer = this.kept.find(({ name }) => name === secret)?.issuer;
    for (const { lease } of record.leases) {
      const issued = issuer?.named(lease.id);
      if (issued) issued.isOurs = true;
    }
  }

  #onEvent(event: KeeperEvent): void {
    if (this.#seed % 8 === 0) this.judge.onText('an event', JSON.stringify(event));
    if (event.type === 'orphaned') {
      this.orphaned.set(event.secret, (this.orphaned.get(event.secret) ?? 0) + event.count);
    }
    if (event.type !== 'decided' && event.type !== 'done') return;
    const { act, because } = event.step;
    const to = 'to' in event.step ? (event.step.to ?? '') : '';
    if (event.type === 'decided' && act !== 'wait') {
      const who = event.sink === undefined ? event.secret : `${event.secret}/${event.sink}`;
      this.chaos.decided(who, event.sink === '*' ? 'reload everything' : `${act} ${because}`);
    }
    if (event.type === 'done') {
      const key = `${act} ${because} ${event.outcome}`;
      this.done[key] = (this.done[key] ?? 0) + 1;
    }
    if (!this.log) return;
    const said = event.type === 'done' ? `${event.outcome} ${event.message ?? ''}` : '';
    const end = event.step.act === 'wait' ? `until ${event.step.until}` : said;
    this.log(`${this.timeline.now()} ${event.secret} ${event.type} ${act} ${to} ${because} ${end}`);
  }
}

/** The longest a world may last. */
export const longest: Duration = hours(24 * 400);

/** How often every act, for every reason, met every fault. */
export const tallyOf = (world: World): Readonly<Record<string, number>> => Object.fromEntries(world.chaos.counts);
