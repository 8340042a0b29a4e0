/** A provider that keeps leases as its nature says, makes trouble on request, and knows the truth about every value. */
import { LeaseError } from '../../src/core/failure.ts';
import type { Lease } from '../../src/core/lease.ts';
import { Material } from '../../src/core/material.ts';
import type { Instant } from '../../src/core/time.ts';
import type { Observation } from '../../src/core/transitions.ts';
import type { AcquireCall, Acquired, Lost, Source } from '../../src/sources/source.ts';
import type { Faults } from './faults.ts';
import type { Nature } from './nature.ts';
import type { Dice, Life, Timeline } from './timeline.ts';

interface Issued {
  readonly id: string;
  readonly issuedAt: Instant;
  readonly key: string;
  expiresAt: Instant;
  readonly maxExpiresAt: Instant;
  endedAt: Instant;
  generation: number;
  /** Where a renewal makes new values, the old ones end when they always would have. */
  readonly ends: Instant[];
}

const never = Number.POSITIVE_INFINITY;

export class Provider {
  readonly leases = new Map<string, Issued>();
  readonly nature: Nature;
  current: string | undefined;
  /** Leases that a renewal killed, and requests that arrived. */
  killed = 0;
  readonly requests: Instant[] = [];
  /** Called before a lease is ended on our own request. */
  onRevoke: (lease: string) => void = () => undefined;
  /** Refuses a request that does not show a living token. */
  authorize: () => void = () => undefined;
  readonly #timeline: Timeline;
  readonly #dice: Dice;
  /** Share of answers with dates that are of no use, and who hears of it. */
  lies = 0;
  onLie: () => void = () => undefined;
  currentSince: Instant = 0;

  constructor(nature: Nature, timeline: Timeline, dice: Dice) {
    this.nature = nature;
    this.#timeline = timeline;
    this.#dice = dice;
    if (nature.kind === 'followed' || nature.kind === 'rotated') this.addVersion('others');
  }

  /** The client of this provider in one process. */
  source(life: Life, faults: Faults): Source {
    const ask = <T>(effect: () => T) => {
      this.requests.push(this.#timeline.now());
      return faults.call(life, 'provider', () => {
        this.authorize();
        return effect();
      });
    };
    const { canRead, canObserve, canSearch, observeEvery, renewal, kind } = this.nature;
    return {
      acquire: (call) => ask(() => this.#acquire(call, faults)),
      ...(renewal && { renew: (lease) => ask(() => this.#renew(lease.id, renewal)) }),
      ...(canRead && { read: (lease) => ask(() => this.#valuesOf(this.#living(lease.id))) }),
      ...(canObserve && { observe: (lease) => ask(() => this.#observe(lease.id)) }),
      ...(kind !== 'followed' && { revoke: (lease) => ask(() => this.#revoke(lease.id)) }),
      ...(canSearch && { search: (lost) => ask(() => this.#search(lost)) }),
      ...(observeEvery !== undefined && { observeEvery }),
      ...(kind === 'token' && { renewsByValue: true }),
    };
  }

  /** When do these values stop working? */
  endOfValue(value: string): Instant {
    const [, id = '', generation = ''] = /^VALUE(.*)\.(\d+)$/.exec(value) ?? [];
    const issued = this.leases.get(id);
    if (!issued) return 0;
    return Math.min(issued.endedAt, issued.ends[Number(generation)] ?? issued.expiresAt);
  }

  addVersion(key: string): Issued {
    const issued = this.#issue(key);
    this.makeCurrent(issued.id);
    return issued;
  }

  makeCurrent(id: string): void {
    this.current = id;
    this.currentSince = this.#timeline.now();
  }

  isLiving = (id: string): boolean => {
    const issued = this.leases.get(id);
    return issued !== undefined && this.#timeline.now() < Math.min(issued.endedAt, issued.expiresAt);
  };

  #lies(): boolean {
    const isLie = this.#dice.chance(this.lies);
    if (isLie) this.onLie();
    return isLie;
  }

  #issue(key: string): Issued {
    const now = this.#timeline.now();
    const { ttl = never, maxTerms = never } = this.nature;
    const lie = this.#lies();
    const issued: Issued = {
      id: `l${this.leases.size + 1}`,
      issuedAt: now,
      key,
      expiresAt: lie && ttl !== never ? now - 1 : now + ttl,
      maxExpiresAt: ttl * maxTerms + now,
      endedAt: never,
      generation: 0,
      ends: [],
    };
    this.leases.set(issued.id, issued);
    return issued;
  }

  #acquire({ key, predecessor }: AcquireCall, faults: Faults): Acquired {
    if (faults.isActive('login')) throw new LeaseError('denied', 'wrong credential');
    const issued = this.#take(key, predecessor);
    return { lease: this.#leaseOf(issued), material: this.#valuesOf(issued) };
  }

  #take(key: string, predecessor: Lease | undefined): Issued {
    const all = [...this.leases.values()];
    const same = all.find((issued) => issued.key === key);
    if (this.nature.honoursKeys && same && predecessor) return same;
    const current = this.leases.get(this.current ?? '');
    if (this.nature.kind === 'followed' || (this.nature.kind === 'rotated' && !predecessor)) {
      if (!current || !this.isLiving(current.id)) throw new LeaseError('unavailable', 'no current version');
      return current;
    }
    if (this.nature.kind === 'rotated') return this.addVersion(key);
    const last = all.at(-1);
    const isYoung = last && last.expiresAt - this.#timeline.now() > (this.nature.ttl ?? 0) * 0.6;
    return this.nature.kind === 'iam' && isYoung && this.isLiving(last.id) ? last : this.#issue(key);
  }

  #renew(id: string, how: NonNullable<Nature['renewal']>) {
    const issued = this.#living(id);
    const now = this.#timeline.now();
    const wanted = (how.from === 'now' ? now : issued.expiresAt) + (this.nature.ttl ?? 0);
    if (wanted > issued.maxExpiresAt && !how.canShorten) {
      if (how.pastTheWall === 'refused') throw new LeaseError('refused', 'past the wall');
      issued.endedAt = now;
      this.killed++;
      throw new LeaseError('gone', 'killed at the wall');
    }
    const granted = this.#lies() ? now + this.#dice.between(0, 5000) : wanted;
    if (how.changesValues) issued.ends[issued.generation++] = issued.expiresAt;
    issued.expiresAt = Math.min(granted, issued.maxExpiresAt);
    const lease = this.#leaseOf(issued);
    return how.changesValues ? { lease, material: this.#valuesOf(issued) } : { lease };
  }

  #observe(id: string): Observation {
    if (!this.isLiving(id)) return { is: 'gone' };
    const isOutdated = this.current !== undefined && this.current !== id;
    return { is: isOutdated ? 'outdated' : 'held', lease: this.#leaseOf(this.#living(id)) };
  }

  #revoke(id: string): void {
    this.onRevoke(id);
    const issued = this.leases.get(id);
    if (issued) issued.endedAt = Math.min(issued.endedAt, this.#timeline.now());
  }

  #search({ since, known }: Lost): readonly Lease[] {
    return [...this.leases.values()]
      .filter(({ id, issuedAt }) => issuedAt >= since && this.isLiving(id) && !known.includes(id))
      .map((issued) => this.#leaseOf(issued));
  }

  #living(id: string): Issued {
    const issued = this.leases.get(id);
    if (!issued || !this.isLiving(id)) throw new LeaseError('gone', 'no such lease');
    return issued;
  }

  #valuesOf = ({ id, generation }: Issued): Material => new Material({ value: `VALUE${id}.${generation}` });

  #leaseOf({ id, issuedAt, expiresAt, maxExpiresAt }: Issued): Lease {
    const { renewal, ttl, kind } = this.nature;
    return {
      id,
      issuedAt,
      ...(expiresAt !== never && { expiresAt }),
      ...(maxExpiresAt !== never && { maxExpiresAt }),
      ...(renewal && ttl && { renewal: { from: renewal.from, by: ttl, canShorten: renewal.canShorten } }),
      ...(kind === 'followed' && { followed: true }),
    };
  }
}
