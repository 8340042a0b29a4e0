/** One random world: a provider, sinks, a process that is killed now and then, and a judge. The seed is all there is to it. */
import { hours, minutes, seconds } from '../../src/core/time.ts';
import { deliver } from '../../src/keeper/deliver.ts';
import type { KeeperEvent } from '../../src/keeper/events.ts';
import { look } from '../../src/keeper/look.ts';
import { type Ports, type Secret, secretOf, type Visit } from '../../src/keeper/secret.ts';
import type { Job } from '../../src/queue/scheduler.ts';
import { Faults } from './faults.ts';
import { Judge } from './judge.ts';
import { SinkPlace } from './place.ts';
import { aPlan, healing, type Plan } from './plan.ts';
import { Provider } from './provider.ts';
import { Dice, Life, Timeline } from './timeline.ts';
import { Records, Wakes } from './wakes.ts';

export class World {
  readonly timeline = new Timeline();
  readonly plan: Plan;
  readonly provider: Provider;
  readonly places: readonly SinkPlace[];
  readonly judge: Judge;
  readonly records: Records;
  readonly log: string[] = [];
  readonly counts: Record<string, number> = {};
  readonly #dice: Dice;
  readonly #faults: Faults;
  readonly #wakes: Wakes;
  #life: Life | undefined;
  #keys = 0;

  constructor(seed: number, change: Partial<Plan> = {}) {
    this.#dice = new Dice(seed);
    this.plan = { ...aPlan(this.#dice), ...change };
    const { nature, policy, sinks, background, trouble, lies } = this.plan;
    this.#faults = new Faults(this.timeline, this.#dice, background, trouble);
    this.provider = new Provider(nature, this.timeline, this.#dice);
    this.provider.lies = lies;
    this.provider.onLie = () => {
      const now = this.timeline.now();
      this.#faults.excuse({ place: 'provider', from: now, to: now, aftermath: minutes(1) });
    };
    this.places = Array.from(
      { length: sinks },
      (_, i) =>
        new SinkPlace(`sink${i}`, this.#dice.chance(0.6), (place, before) => this.judge.onChange(place, before)),
    );
    this.judge = new Judge(
      this.timeline,
      this.#faults,
      this.provider,
      policy.grace,
      this.places,
      () => this.records.get('s').record,
    );
    this.records = new Records(this.#dice);
    this.records.onSave = (json) => this.judge.onSave(json);
    this.#wakes = new Wakes(this.timeline, this.#dice);
    this.#wakes.onLoss = () => {
      const now = this.timeline.now();
      this.#faults.excuse({ place: 'process', from: now, to: now + seconds(35) });
    };
  }

  /** Live through the trouble, then heal; answers with the promises that were broken. */
  async live(): Promise<readonly string[]> {
    const { plan, timeline } = this;
    for (const outage of plan.outages) {
      // Who was rejected waits for five minutes, unless somebody tells that the credential is a new one.
      this.#faults.outage(outage.place === 'login' ? { ...outage, aftermath: minutes(5) + seconds(5) } : outage);
    }
    for (const crash of plan.crashes) timeline.at(crash, () => this.#crash());
    this.#wakes.losses = plan.losses;
    this.#meddle();
    this.#boot();
    this.#sweep();
    timeline.at(plan.trouble, () => this.#calm());
    await timeline.runUntil(plan.trouble + healing(plan));
    let unhealed = this.judge.unhealed();
    // The end may have come in the middle of a renewal: it has a few moments to complete.
    for (let i = 0; i < 20 && unhealed.length > 0; i++) {
      await timeline.runUntil(timeline.now() + seconds(5));
      unhealed = this.judge.unhealed();
    }
    this.judge.selfHarm();
    return [...this.judge.broken, ...unhealed];
  }

  #boot(): void {
    const life = new Life(this.timeline, this.#dice);
    this.#life = life;
    const visit: Visit = { secret: this.#secret(life), ports: this.#ports(life), signal: life.abort.signal };
    this.#wakes.handle = (job) => (job.kind === 'look' ? look(visit) : deliver(visit, job.sink));
    this.#wakes.sweep(this.#jobs());
    for (const job of this.#jobs()) this.#wakes.ensure(job, this.timeline.now());
  }

  #crash(): void {
    if (!this.#life) return;
    this.#life.isAlive = false;
    this.#life = undefined;
    this.#wakes.abandon();
    const now = this.timeline.now();
    const back = now + this.#dice.between(100, 60_000);
    this.#faults.excuse({ place: 'process', from: now, to: back + seconds(1) });
    this.timeline.at(back, () => this.#boot());
  }

  #sweep(): void {
    if (this.#life) this.#wakes.sweep(this.#jobs());
    this.timeline.after(seconds(30), () => this.#sweep());
  }

  #calm(): void {
    this.provider.lies = 0;
    this.#wakes.losses = 0;
    if (this.plan.nature.kind === 'followed') this.provider.addVersion('others');
  }

  /** What others do to our leases and sinks. Each time the judge is told to be lenient for a while. */
  #meddle(): void {
    const { plan, provider, timeline } = this;
    const dice = this.#dice;
    const now = timeline.now();
    if (now >= plan.trouble) return;
    if (now > 0) {
      this.#faults.excuse({ place: 'provider', from: now, to: now + minutes(3) });
      const issued = [...provider.leases.values()].at(-dice.between(1, 3));
      if (dice.chance(0.4)) this.places[0]?.wipe();
      else if (provider.current !== undefined) this.#changeVersions();
      else if (issued) issued.endedAt = Math.min(issued.endedAt, now);
    }
    if (plan.meddling > 0) timeline.after(-Math.log(1 - dice.roll()) * plan.meddling, () => this.#meddle());
  }

  #changeVersions(): void {
    const { provider, timeline } = this;
    const dice = this.#dice;
    const versions = [...provider.leases.values()].filter(({ id }) => provider.isLiving(id));
    const some = versions[dice.between(0, versions.length)];
    if (dice.chance(0.4) || !some) provider.addVersion('others');
    else if (dice.chance(0.2)) provider.makeCurrent(some.id);
    else if (some.expiresAt === Number.POSITIVE_INFINITY)
      some.expiresAt = timeline.now() + dice.between(minutes(1), hours(2));
    else some.expiresAt = Number.POSITIVE_INFINITY;
  }

  #secret(life: Life): Secret {
    const verify = async () => {
      await this.#faults.call(life, 'proof', () => undefined);
    };
    return secretOf({
      name: 's',
      source: this.provider.source(life, this.#faults),
      sinks: Object.fromEntries(this.places.map((place) => [place.name, place.sink(life, this.#faults)])),
      policy: this.plan.policy,
      ...(this.plan.verifies && { verify }),
    });
  }

  #ports(life: Life): Ports {
    return {
      store: this.records.store(life),
      scheduler: this.#wakes.scheduler(life),
      clock: this.timeline,
      startedAt: life.startedAt,
      newKey: () => `key${++this.#keys}`,
      emit: (event) => this.#onEvent(event),
    };
  }

  #onEvent(event: KeeperEvent): void {
    if (event.type === 'changed') return;
    const { act, because } = event.step;
    const outcome = event.type === 'done' ? event.outcome : '';
    if (outcome === 'denied' || (act === 'acquire' && outcome === 'ok')) this.judge.onLogin(outcome === 'denied');
    if (event.type === 'done') this.counts[`${act} ${because}`] = (this.counts[`${act} ${because}`] ?? 0) + 1;
    const to = 'to' in event.step ? event.step.to : '';
    const until = event.step.act === 'wait' ? event.step.until : '';
    this.log.push(`${this.timeline.now()} ${event.type} ${act} ${to} ${because} ${outcome}${until}`);
  }

  #jobs(): readonly Job[] {
    const deliveries = this.places.map(({ name }) => ({ kind: 'deliver' as const, secret: 's', sink: name }));
    return [{ kind: 'look', secret: 's' }, ...deliveries];
  }
}
