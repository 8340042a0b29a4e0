/** Watches a world from outside and says which promise was broken. Knows everything; helps nobody. */
import type { SecretRecord } from '../../src/core/record.ts';
import { type Duration, type Instant, minutes, seconds } from '../../src/core/time.ts';
import type { Faults } from './faults.ts';
import { leaseOf, type SinkPlace } from './place.ts';
import type { Provider } from './provider.ts';
import type { Timeline } from './timeline.ts';

export class Judge {
  readonly broken: string[] = [];
  /** When logins were rejected, since the last one that was not. */
  #denials: Instant[] = [];
  readonly #timeline: Timeline;
  readonly #faults: Faults;
  readonly #provider: Provider;
  readonly #grace: Duration;
  readonly #places: readonly SinkPlace[];
  readonly #record: () => SecretRecord;
  /** When a lease was last let go of by a place that had used it. */
  readonly #letGo = new Map<string, Instant>();

  constructor(
    timeline: Timeline,
    faults: Faults,
    provider: Provider,
    grace: Duration,
    places: readonly SinkPlace[],
    record: () => SecretRecord,
  ) {
    this.#timeline = timeline;
    this.#faults = faults;
    this.#provider = provider;
    this.#grace = grace;
    this.#places = places;
    this.#record = record;
    provider.onRevoke = (lease) => this.#onRevoke(lease);
  }

  /** Something in a sink or in the program behind it was replaced. */
  onChange(place: SinkPlace, before: string | undefined): void {
    const now = this.#timeline.now();
    if (before !== undefined && !place.uses(before)) this.#letGo.set(leaseOf(before), now);
    if (place.content === '') this.#break(7, `${place.name} was emptied`);
    if (place.loaded !== undefined && place.loaded !== before) this.#watch(place, place.loaded);
  }

  /** Values never leave for the store. */
  onSave(json: string): void {
    if (json.includes('VALUE')) this.#break(6, 'a value in the record');
  }

  /** After all faults are over, and time enough to heal: what is still wrong? */
  unhealed(): string[] {
    const record = this.#record();
    const now = this.#timeline.now();
    const wrong: string[] = [];
    const head = record.leases.find((held) => held.supersededAt === undefined && held.verified);
    for (const { name, content, loaded } of this.#places) {
      const has = record.sinks[name]?.has;
      const isPaid = has?.lease === head?.lease.id && has?.generation === head?.generation && has?.reloaded;
      if (!isPaid || leaseOf(content) !== head?.lease.id || loaded !== content) {
        wrong.push(`promise 8: ${name} has ${content}, uses ${loaded}, should have ${head?.lease.id}`);
      } else if (this.#provider.endOfValue(loaded ?? '') <= now) wrong.push(`promise 8: ${name} uses a dead value`);
    }
    const overdue = record.leases.filter(({ supersededAt = now }) => now - supersededAt > this.#grace + minutes(11));
    if (overdue.length > 0) wrong.push(`promise 8: never retired: ${overdue.map((held) => held.lease.id)}`);
    const { canSearch, honoursKeys, kind } = this.#provider.nature;
    if (canSearch && (record.intent || record.doubt)) wrong.push('promise 8: doubts remain');
    if (canSearch || (honoursKeys && kind === 'rotated')) {
      const known = new Set(record.leases.map((held) => held.lease.id));
      const lost = [...this.#provider.leases.values()].filter(
        ({ id, key }) => key !== 'others' && this.#provider.isLiving(id) && !known.has(id),
      );
      if (lost.length > 0) wrong.push(`promise 4: lost: ${lost.map(({ id }) => id)}`);
    }
    return wrong;
  }

  /** Did we do ourselves harm, at any time? */
  selfHarm(): void {
    if (this.#provider.killed > 0) this.#break(5, `${this.#provider.killed} leases killed by renewing them`);
    const { requests } = this.#provider;
    const storm = requests.findIndex((at, i) => (requests[i + 60] ?? Number.POSITIVE_INFINITY) - at < seconds(10));
    if (storm >= 0) this.#break(5, `a storm of requests at ${requests[storm]}`);
  }

  /** A login was rejected, or was not: who insists is locked out. */
  onLogin(isDenied: boolean): void {
    const now = this.#timeline.now();
    this.#denials = isDenied ? [...this.#denials, now] : [];
    const [before, last] = this.#denials.slice(-3).map((at) => now - at);
    if (this.#denials.length === 2 && (before ?? 0) < seconds(29)) this.#break(5, `rejected again after ${before}`);
    if (this.#denials.length > 2 && (last ?? 0) < minutes(4)) this.#break(5, `rejected once more after ${last}`);
  }

  #watch(place: SinkPlace, value: string): void {
    const end = this.#provider.endOfValue(value);
    if (end === Number.POSITIVE_INFINITY) {
      this.#timeline.after(minutes(5), () => place.loaded === value && this.#watch(place, value));
      return;
    }
    this.#timeline.at(end, () => {
      if (place.loaded !== value) return;
      if (this.#provider.endOfValue(value) > end) this.#watch(place, value);
      else this.#dark(place, value, this.#provider.endOfValue(value));
    });
  }

  /** A program is left with a dead credential: may it be? */
  #dark(place: SinkPlace, value: string, end: Instant): void {
    const issued = this.#provider.leases.get(leaseOf(value));
    const term = Math.min(this.#provider.nature.ttl ?? minutes(10), end - (issued?.issuedAt ?? 0));
    const window = Math.max(term / 20, seconds(3));
    // After a renewal whose answer was lost it may live longer than anybody but the provider knows.
    const known = this.#record().leases.find((held) => held.lease.id === leaseOf(value))?.lease.expiresAt ?? end;
    if (this.#faults.find(end - window, end) || this.#faults.find(known - window, known)) return;
    const { nature, current, currentSince } = this.#provider;
    const isLast = current === leaseOf(value) || end - currentSince < minutes(3);
    if (nature.kind === 'followed' && isLast) return;
    this.#break(1, `${place.name} is left with the dead ${value} since ${end}`);
  }

  #onRevoke(lease: string): void {
    const now = this.#timeline.now();
    for (const place of this.#places) {
      if (leaseOf(place.content) === lease || leaseOf(place.loaded) === lease) {
        this.#break(2, `${lease} revoked under ${place.name}`);
      }
    }
    if (!this.#provider.isLiving(lease)) return;
    const since = now - (this.#letGo.get(lease) ?? Number.NEGATIVE_INFINITY);
    if (since < this.#grace) this.#break(2, `${lease} revoked ${since} after it was let go`);
  }

  #break(promise: number, what: string): void {
    this.broken.push(`promise ${promise} at ${this.#timeline.now()}: ${what}`);
  }
}
