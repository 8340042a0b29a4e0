/** The judge of the chaos run is judged: what was not kept is found, and what nobody can be blamed for is forgiven. */
import { describe, expect, test } from 'vitest';
import { seconds } from '../../src/core/time.ts';
import type { Books, LeaseBook } from '../sandbox/infisical/books.ts';
import type { LockboxBooks, VersionBook } from '../sandbox/yandex/books.ts';
import type { Refusal } from './crowd.ts';
import type { Evidence } from './evidence.ts';
import { judge } from './judge.ts';
import { isVersion, longLives } from './lives.ts';
import { type Blow, openTimeline, type Part } from './timeline.ts';

const t0 = Date.UTC(2026, 0, 1);
const at = (second: number) => t0 + seconds(second);
const orders = longLives.secrets.find(({ name }) => name === 'orders');
if (orders === undefined) throw new Error('there are no orders');

const aLease = (more: Partial<LeaseBook> = {}): LeaseBook => ({
  id: 'lease-1',
  secret: 'shop/prod/ orders',
  username: 'alice',
  identity: 'keeper',
  createdAt: at(0),
  expireAt: at(60),
  maxExpireAt: at(240),
  renewals: [],
  revocations: [],
  ...more,
});

const books = (leases: readonly LeaseBook[]): Books => ({
  now: at(300),
  leases,
  logins: [],
  tokenRenewals: [],
  tokenRevocations: [],
  requests: [],
  counts: {},
  troubles: [],
});

const aVersion = (more: Partial<VersionBook> = {}): VersionBook => ({
  id: 'v1',
  secret: 'seal',
  createdAt: at(0),
  by: 'somebody',
  base: null,
  generated: false,
  keys: ['password'],
  scheduled: [],
  cancelled: [],
  ...more,
});

/** Each becomes current when it is added. */
const aStore = (versions: readonly VersionBook[]): LockboxBooks => ({
  now: at(300),
  versions,
  currents: versions.map(({ id, secret, createdAt, by }) => ({ at: createdAt, secret, version: id, by })),
  payloadReads: [],
  operations: [],
  tokens: [],
  requests: [],
  counts: {},
  troubles: [],
});

const refusal = (second: number, more: Partial<Refusal> = {}): Refusal => ({
  at: at(second),
  consumer: 'orders.env',
  secret: orders,
  name: 'alice',
  mark: 'abc',
  endsAt: undefined,
  ...more,
});

type Struck = readonly (readonly [Part, number, number])[];

const timelineOf = (...struck: Struck) => {
  const timeline = openTimeline();
  for (const [part, from, to] of struck) {
    const blow: Blow = { kind: `${part}: kill -9`, part, from: at(from), to: at(to), note: '' };
    (timeline.blows as Blow[]).push(blow);
  }
  return timeline;
};

interface Scene {
  readonly leases?: readonly LeaseBook[];
  readonly last?: readonly LeaseBook[];
  readonly crowd?: Partial<Evidence['crowd']>;
  readonly more?: Partial<Evidence>;
}

/** The words of the rows that were not kept. A good run where nothing is said. */
function broken({ leases = [], last, crowd = {}, more = {} }: Scene): readonly string[] {
  const renewal = { at: at(20), identity: 'keeper', expireAt: at(120) };
  const good = aLease({
    id: 'good',
    secret: 'shop/prod/ archive',
    username: 'bob',
    endedAt: at(200),
    endedBy: 'expired',
    renewals: [renewal],
  });
  const evidence: Evidence = {
    lives: longLives,
    timeline: timelineOf(),
    crowd: {
      uses: () => 100,
      unreachable: () => 0,
      reads: () => 100,
      refusals: [],
      torn: [],
      loads: [],
      runs: () => [],
      seen: new Map(),
      words: [],
      ...crowd,
    },
    books: books([good, ...leases]),
    last: books([good, ...(last ?? leases)]),
    store: aStore([]),
    stale: [],
    record: '',
    passages: [],
    ends: [],
    exit: 0,
    healedAfter: 0,
    isInterrupted: false,
    leftProcesses: [],
    ...more,
  };
  return judge(evidence)
    .filter(({ isKept }) => isKept === false)
    .map(({ name }) => name.trim());
}

const failedUses = 'failed uses while the provider was reachable';
const expired = aLease({ endedAt: at(60), endedBy: 'expired' });

describe('the judge', () => {
  test('finds nothing in a good run', () => {
    expect(broken({})).toEqual([]);
  });

  test('blames a use of what ran out in peace', () => {
    expect(broken({ leases: [expired], crowd: { refusals: [refusal(61)] } })).toEqual([failedUses]);
  });

  test('blames a use of what ran out although there was a moment of peace before', () => {
    const timeline = timelineOf(['provider', 20, 50], ['daemon', 54, 70]);
    expect(broken({ leases: [expired], crowd: { refusals: [refusal(61)] }, more: { timeline } })).toEqual([failedUses]);
  });

  test('forgives it where the provider, the daemon and the disk never worked together before', () => {
    const timeline = timelineOf(['provider', 20, 45], ['daemon', 44, 55], ['sink', 53, 70]);
    expect(broken({ leases: [expired], crowd: { refusals: [refusal(61)] }, more: { timeline } })).toEqual([]);
  });

  test('does not forgive it for a Redis that is away', () => {
    const timeline = timelineOf(['redis', 0, 100]);
    expect(broken({ leases: [expired], crowd: { refusals: [refusal(61)] }, more: { timeline } })).toEqual([failedUses]);
  });

  test('does not forgive for ever: after a minute of peace it has to be well again', () => {
    const timeline = timelineOf(['provider', 20, 62]);
    const crowd = { refusals: [refusal(61), refusal(123)] };
    expect(broken({ leases: [expired], crowd, more: { timeline } })).toEqual([failedUses]);
  });

  test('never forgives what was ended by us while it was in use', () => {
    const revoked = aLease({ endedAt: at(50), endedBy: 'revoked' });
    const timeline = timelineOf(['provider', 10, 49]);
    expect(broken({ leases: [revoked], crowd: { refusals: [refusal(51)] }, more: { timeline } })).toEqual([failedUses]);
  });

  test('finds a program that is told twice of one generation, and allows what a kill may have cost', () => {
    const loads = [10, 40].map((second) => ({ at: at(second), step: 'orders.env', mark: 'abc' }));
    expect(broken({ crowd: { loads } })).toEqual(['doubled reloads of one generation']);
    expect(broken({ crowd: { loads }, more: { timeline: timelineOf(['daemon', 11, 15]) } })).toEqual([]);
    const thrice = [...loads, { at: at(41), step: 'orders.env', mark: 'abc' }];
    const [one, two] = [['daemon', 11, 15] as const, ['redis', 41, 42] as const];
    expect(broken({ crowd: { loads: thrice }, more: { timeline: timelineOf(one, two) } })).toEqual([]);
  });

  test('finds torn reads, faults of the programs, and a daemon that ends by itself or badly', () => {
    expect(broken({ crowd: { torn: ['half'] } })).toEqual(['torn reads']);
    expect(broken({ crowd: { words: ['oops'] } })).toEqual(['faults of this run itself']);
    const ends = [{ at: at(5), how: '1', hadStarted: true }];
    expect(broken({ more: { ends } })).toEqual(['times that the daemon ended by itself']);
    expect(broken({ more: { exit: 1 } })).toEqual(['exit code of the daemon']);
    expect(broken({ more: { healedAfter: undefined } })).toEqual(['well again after the last blow']);
    expect(broken({ more: { leftProcesses: ['redis-server'] } })).toEqual(['processes left by the daemon']);
  });

  test('finds a lease that is alive when all should be over, and says where no record knows it', () => {
    const left = 'leases left beyond their TTL';
    const unknown = 'leases that no record knows, not ended after their TTL';
    expect(broken({ leases: [aLease()] })).toEqual([left, unknown]);
    expect(broken({ leases: [aLease()], more: { record: '{"id":"lease-1"}' } })).toEqual([left]);
    expect(broken({ leases: [aLease()], last: [expired] })).toEqual([]);
  });

  test('finds a lease that is kept alive long after its successor was taken up', () => {
    const successor = aLease({
      id: 'lease-2',
      username: 'carol',
      createdAt: at(100),
      endedAt: at(290),
      endedBy: 'expired',
    });
    const renewals = [20, 80, 140, 200].map((second) => ({
      at: at(second),
      identity: 'keeper',
      expireAt: at(second + 100),
    }));
    const kept = aLease({ renewals, expireAt: at(299), maxExpireAt: null, endedAt: at(299), endedBy: 'expired' });
    const seen = new Map([['carol', at(101)]]);
    expect(broken({ leases: [kept, successor], crowd: { seen } })).toContain('leases left beyond their TTL');
  });

  test('counts what was taken sooner than its age asked for, and allows one for each kill', () => {
    const renewals = [{ at: at(20), identity: 'keeper', expireAt: at(120) }];
    const first = aLease({ renewals, expireAt: at(120), endedAt: at(30), endedBy: 'revoked' });
    const second = aLease({ id: 'lease-2', createdAt: at(25), endedAt: at(90), endedBy: 'expired' });
    const waste = 'new leases per kill (at most 1), of the worst secret';
    expect(broken({ leases: [first, second] })).toEqual([waste]);
    expect(broken({ leases: [first, second], more: { timeline: timelineOf(['daemon', 22, 24]) } })).toEqual([]);
    const due = aLease({ id: 'lease-2', createdAt: at(220), endedAt: at(280), endedBy: 'expired' });
    const grown = { ...first, expireAt: at(240), endedAt: at(225) };
    const late = [...renewals, { at: at(110), identity: 'keeper', expireAt: at(240) }];
    expect(broken({ leases: [{ ...grown, renewals: late }, due] })).toEqual([]);
  });
});

describe('the judge of the store', () => {
  const [seal, notice] = longLives.secrets.filter(isVersion);
  if (seal === undefined || notice === undefined) throw new Error('there are both');
  const destroyed = (by: string, second: number) => ({
    scheduled: [{ at: at(second - 1), by, destroyAt: at(second) }],
    endedAt: at(second),
    endedBy: 'destroyed' as const,
  });
  const next = aVersion({ id: 'v2', createdAt: at(100), by: 'keeper' });

  test('never forgives a use of what we have scheduled, whatever struck', () => {
    const store = aStore([aVersion(destroyed('keeper', 110)), next]);
    const crowd = { refusals: [refusal(111, { secret: seal, name: 'v1' })] };
    const timeline = timelineOf(['provider', 100, 112]);
    expect(broken({ crowd, more: { store, timeline } })).toEqual([failedUses]);
  });

  test('forgives a use of what others have scheduled only where it could not be replaced in time', () => {
    const ours = aStore([aVersion(destroyed('somebody', 140)), next].map((one) => ({ ...one, secret: 'notice' })));
    const crowd = { refusals: [refusal(141, { secret: notice, name: 'v1' })] };
    const of = (...struck: Struck) => broken({ crowd, more: { store: ours, timeline: timelineOf(...struck) } });
    expect(of()).toEqual([failedUses]);
    expect(of(['redis', 99, 150])).toEqual([failedUses]);
    expect(of(['provider', 99, 131])).toEqual([failedUses]);
    expect(of(['provider', 99, 120], ['daemon', 119, 137])).toEqual([]);
    const late = { refusals: [refusal(202, { secret: notice, name: 'v1' })] };
    const timeline = timelineOf(['provider', 99, 137]);
    expect(broken({ crowd: late, more: { store: ours, timeline } })).toEqual([failedUses]);
  });

  test('finds two versions for one rotation', () => {
    const third = aVersion({ id: 'v3', createdAt: at(104), by: 'keeper' });
    const gone = [aVersion(destroyed('keeper', 110)), { ...next, ...destroyed('keeper', 110) }];
    expect(broken({ more: { store: aStore([...gone, third]) } })).toEqual([
      'versions added sooner than their policy asks for',
    ]);
  });

  test('finds a version that nobody ends any more, and forgives it where all that knew of it was struck', () => {
    const left = 'versions left, neither current nor to be destroyed';
    const store = aStore([aVersion(), next]);
    const of = (...struck: Struck) => broken({ more: { store, timeline: timelineOf(...struck) } });
    expect(of()).toEqual([left]);
    expect(of(['redis', 101, 102])).toEqual([left]);
    expect(of(['daemon', 101, 102])).toEqual([left]);
    expect(of(['redis', 101, 102], ['daemon', 103, 104])).toEqual([]);
    expect(broken({ more: { store: { ...store, now: at(114) } } })).toEqual([]);
    const [cancelled] = [{ ...aVersion(destroyed('keeper', 400)), cancelled: [{ at: at(120), by: 'somebody' }] }];
    const { endedAt: _, ...alive } = cancelled;
    expect(broken({ more: { store: aStore([alive, next]) } })).toEqual([left]);
    expect(broken({ more: { store: aStore([{ ...alive, cancelled: [] }, next]) } })).toEqual([]);
  });

  test('finds a program that was left behind, and a fault of the store', () => {
    expect(broken({ more: { stale: ['seal.json'] } })).toEqual(['programs left with a version that is not current']);
    expect(broken({ more: { store: { ...aStore([]), troubles: ['oops'] } } })).toEqual(['faults of this run itself']);
  });
});
