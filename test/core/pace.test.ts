import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { decide } from '../../src/core/decide.ts';
import { LeaseError, ProviderBlocked } from '../../src/core/failure.ts';
import { paced, remembered } from '../../src/core/pace.ts';
import { emptyRecord, type SecretRecord } from '../../src/core/record.ts';
import { requested } from '../../src/core/requests.ts';
import { blocked, failed, tokenRejected } from '../../src/core/setbacks.ts';
import { hours, type Instant, minutes, seconds } from '../../src/core/time.ts';
import { acquired, credentialChanged, intending, observed, settled } from '../../src/core/transitions.ts';
import { aLease, at, held, recordOf, rulesOf } from './build.ts';

const answers = ['lease', 'short', 'dead', 'same', 'killed', 'rejected'] as const;
const errors = ['unavailable', 'unsure', 'denied', 'refused', 'invalid', 'limited', 'no token', 'crash'] as const;

const urgent = { from: Number.NEGATIVE_INFINITY, every: hours(1) };
const sure = (now: Instant) => ({ now, startedAt: 0, uncertainty: 0 });

/** One answer of a provider, how long it takes, and what else happens until the next look. */
const anAnswer = fc.record({
  what: fc.constantFrom<(typeof answers)[number] | (typeof errors)[number]>(...answers, ...errors),
  took: fc.integer({ min: 1, max: seconds(34) }),
  pause: fc.integer({ min: 0, max: seconds(40) }),
  meanwhile: fc.constantFrom('nothing', 'nothing', 'nothing', 'new credential', 'rotate', 'revoke'),
});
type Answer = typeof anAnswer extends fc.Arbitrary<infer T> ? T : never;

const rules = rulesOf({ can: { observe: false, read: true, search: false }, grace: 0 });

/** Lives with a provider that answers so, as impatiently as the decision allows; answers with when requests arrived. */
function live(given: readonly Answer[]): { readonly begun: Instant[]; readonly arrived: Instant[] } {
  let record: SecretRecord = emptyRecord;
  let now = 0;
  const begun: Instant[] = [];
  const arrived: Instant[] = [];
  for (const [i, { what, took, pause, meanwhile }] of given.entries()) {
    const settle = (change: (latest: SecretRecord) => SecretRecord) => {
      record = settled(change(record), rules, now);
    };
    now += pause;
    if (meanwhile === 'new credential') settle((latest) => credentialChanged(latest, now));
    else if (meanwhile !== 'nothing') settle((latest) => requested(latest, meanwhile as 'rotate', now));
    for (let steps = 0; ; steps++) {
      expect(steps).toBeLessThan(100);
      const step = decide(record, rules, at(now));
      if (step.act === 'acquire') break;
      if (step.act === 'wait') now = step.until;
      else if (step.act === 'retire')
        settle((latest) => ({ ...latest, leases: latest.leases.filter((held) => held.lease.id !== step.to) }));
      else settle((latest) => failed(latest, step, new LeaseError('gone', 'no'), { begun: now, now }));
    }
    const step = decide(record, rules, at(now));
    if (step.act !== 'acquire') throw new Error('it has changed its mind');
    settle((latest) => intending(latest, { key: `k${i}`, at: now }));
    begun.push(now);
    const isSent = what !== 'no token';
    // It arrives when it likes, before it is answered.
    if (isSent) arrived.push(now + (took * ((i * 7) % 10)) / 10);
    now += took;
    const begunAt = now - took;
    const fails = (error: LeaseError) => settle((latest) => failed(latest, step, error, { begun: begunAt, now }));
    const takes = (expiresAt: Instant) =>
      settle((latest) => acquired(latest, aLease({ id: `l${i}`, issuedAt: begunAt, expiresAt }), rules, now));
    switch (what) {
      case 'lease':
        takes(now + hours(1));
        break;
      case 'short':
        takes(now + seconds(2));
        break;
      case 'dead':
        takes(now - 1);
        break;
      case 'same': {
        const known = record.leases[0]?.lease ?? aLease({ id: `l${i}`, expiresAt: now + minutes(1) });
        settle((latest) => acquired(latest, known, rules, now));
        break;
      }
      case 'killed':
        takes(now + hours(1));
        settle((latest) => observed(latest, `l${i}`, { is: 'gone' }, now));
        break;
      case 'rejected':
        takes(now + hours(1));
        settle((latest) => tokenRejected(latest, { lease: `l${i}`, generation: 0 }, now));
        break;
      case 'unsure':
        fails(new LeaseError('unavailable', 'cut', { unsure: true }));
        break;
      case 'limited':
      case 'no token': {
        const because = what === 'limited' ? 'RetryAfter' : 'NoToken';
        settle((latest) => blocked(latest, step, new ProviderBlocked(because, now), now));
        break;
      }
      case 'crash':
        break;
      default:
        fails(new LeaseError(what, 'no'));
    }
  }
  return { begun, arrived };
}

test('whatever a provider answers, also that all is well, it is asked for at most 8 leases in any 5 minutes', () => {
  fc.assert(
    fc.property(fc.array(anAnswer, { minLength: 12, maxLength: 60 }), (given) => {
      const arrived = live(given).arrived.sort((a, b) => a - b);
      for (const [i, first] of arrived.entries()) {
        const ninth = arrived[i + 8] ?? Number.POSITIVE_INFINITY;
        expect(ninth - first).toBeGreaterThan(minutes(5));
      }
    }),
    { numRuns: 150 },
  );
});

test('between two requests for a lease at least a second passes, whatever happened', () => {
  const sent = anAnswer.filter(({ what }) => what !== 'no token');
  fc.assert(
    fc.property(fc.array(sent, { minLength: 2, maxLength: 40 }), (given) => {
      const { begun } = live(given);
      for (const [i, one] of begun.entries()) {
        expect((begun[i + 1] ?? Number.POSITIVE_INFINITY) - one).toBeGreaterThanOrEqual(seconds(1));
      }
    }),
    { numRuns: 100 },
  );
});

test('a row of tries grows slower, and the ninth waits until the first is out of the window', () => {
  const tries: Instant[] = [];
  for (let now = 0, i = 0; i < 9; i++) {
    now = paced(tries, now, urgent, sure(now));
    tries.unshift(now);
  }
  expect(tries.reverse().map((one) => one / 1000)).toEqual([0, 1, 3, 8, 20, 35, 50, 65, 335]);
  expect(remembered).toBe(8);
});

test('what others change is followed eight times in the window, where of our own making there are only four', () => {
  const becomes = (count: number, followed: object) => {
    const acquires = Array.from({ length: count }, (_, i) => minutes(5) - i * seconds(40));
    const lease = { id: 'v1', issuedAt: 0, ...followed };
    const record = { ...recordOf({ ...held(lease), outdated: true }), acquires };
    return decide(record, rulesOf(), at(minutes(5) + seconds(40)));
  };
  const oldest = minutes(5) - 7 * seconds(40);
  expect(becomes(7, { followed: true })).toMatchObject({ act: 'acquire', because: 'Outdated' });
  expect(becomes(8, { followed: true })).toMatchObject({ act: 'wait', until: oldest + seconds(335) });
  expect(becomes(3, {})).toMatchObject({ act: 'acquire', because: 'Outdated' });
  expect(becomes(4, {})).toMatchObject({ act: 'wait', until: minutes(3) + seconds(335) });
});

test('what can wait leaves half of the window to what cannot', () => {
  const four = [seconds(8), seconds(3), seconds(1), 0];
  const wanted = (acquires: readonly Instant[], from: Instant) =>
    paced(acquires, seconds(60), { from, every: hours(1) }, sure(seconds(60)));
  expect(wanted(four, minutes(4))).toBe(minutes(4));
  expect(wanted(four, minutes(9))).toBe(seconds(335));
  expect(wanted(four, seconds(30))).toBe(seconds(60));
  expect(wanted(four.slice(1), minutes(9))).toBe(seconds(60));
});

test('what can wait leaves a place for each that cannot, as often as one cannot', () => {
  const now = seconds(101);
  const next = (every: number, ...acquires: number[]) =>
    paced(acquires.map(seconds), now, { from: seconds(500), every: seconds(every) }, sure(now)) / seconds(1);
  // After this one seven more fit into the window of the last, one every 42 s.
  expect(next(42, 100)).toBe(100 + 335 - 7 * 42);
  expect(next(42, 100, 90)).toBe(90 + 335 - 6 * 42);
  expect(next(60, 100)).toBe(101);
  // More often than the window has places for nobody can.
  expect(next(335 / 8, 100)).toBe(100 + 335 - 7 * (335 / 8));
  expect(next(335 / 8 - 0.001, 100)).toBe(101);
});

test('how long a lease can do without a successor is counted from the start of its term', () => {
  const issuedAt = hours(1);
  const { renewal: _, ...lease } = aLease({ issuedAt, expiresAt: issuedAt + minutes(1) });
  const record = { ...recordOf(held(lease)), acquires: [issuedAt, issuedAt - seconds(10)] };
  const step = decide(record, rulesOf({ renewAt: 0.3, grace: 0 }), at(issuedAt + seconds(20)));
  expect(step).toMatchObject({ act: 'wait', until: issuedAt + seconds(45) });
});

test('who would like to have each short lease replaced early has always a place in the window for when it ends', () => {
  const span = (from: number, to: number) => fc.integer({ min: from, max: to });
  const row = fc.array(span(seconds(2), minutes(6)), { minLength: 0, maxLength: 8 });
  fc.assert(
    fc.property(span(60, 400), row, fc.array(span(0, 74), { minLength: 40, maxLength: 40 }), (life, pauses, shares) => {
      const every = seconds(life * 0.75);
      let now = minutes(30);
      let acquires = pauses.map((_, i) => now - pauses.slice(0, i + 1).reduce((sum, pause) => sum + pause, 0));
      // However many there were before: once the window lets one through, none is late.
      now = paced(acquires, now, { ...urgent, every }, sure(now));
      for (const share of shares) {
        acquires = [now, ...acquires].slice(0, remembered);
        const from = now + every;
        const isSettled = now > minutes(30) + seconds(335);
        now = paced(acquires, now + seconds((life * share) / 100), { from, every }, sure(now));
        if (isSettled) expect(now).toBeLessThanOrEqual(from);
      }
    }),
    { numRuns: 300 },
  );
});

test('who may be given the same once more takes it early only where that costs nobody a place', () => {
  const now = seconds(20);
  const next = (from: number, ...acquires: number[]) =>
    paced(acquires.map(seconds), now, { from: seconds(from), every: seconds(45), repeats: true }, sure(now)) / 1000;
  expect(next(45)).toBe(20);
  // Or this one, if it is the first of eight: 20 + 335 - 7 * 45.
  expect(next(40)).toBe(20);
  expect(next(39.999)).toBe(39.999);
  // What was wanted earlier, and held up, is begun now.
  const late = { from: seconds(45), every: seconds(45), repeats: true };
  expect(paced([], now, late, sure(seconds(40)))).toBe(seconds(45));
  // As many as are left after this one, the first of them when there has to be a successor.
  expect(next(45, 45 + 6 * 45 - 335)).toBe(20);
  expect(next(45, 45 + 6 * 45 - 335 + 0.001)).toBe(45);
  expect(next(45, -100, 45 + 5 * 45 - 335 + 0.001)).toBe(45);
});

test('who is given the same once more, however often, has always a place in the window for when it ends', () => {
  const span = (from: number, to: number) => fc.integer({ min: from, max: to });
  const wish = fc.tuple(span(0, 74), fc.boolean(), fc.oneof(fc.constant(0), span(0, 74)));
  fc.assert(
    fc.property(span(60, 400), fc.array(wish, { minLength: 40, maxLength: 80 }), (life, wishes) => {
      const every = seconds(life * 0.75);
      let now = minutes(30);
      let acquires: Instant[] = [];
      let from = now;
      for (const [share, isSame, heldUp] of wishes) {
        acquires = [now, ...acquires].slice(0, remembered);
        if (!isSame || now >= from) from = now + every;
        const wanted = Math.max(now, from - every + seconds((life * share) / 100));
        // It is asked for when there is room for it, which may be later.
        const asked = Math.min(from, wanted + seconds((life * heldUp) / 100));
        now = Math.max(asked, paced(acquires, wanted, { from, every, repeats: true }, sure(asked)));
        // Before its end comes.
        expect(now).toBeLessThan(from + seconds(life / 4));
      }
    }),
    { numRuns: 300 },
  );
});

test('a clock that was set back does not make us wait for what seems to lie ahead', () => {
  const now = minutes(10);
  expect(paced([hours(5), 0], now, urgent, sure(now))).toBe(now);
  expect(paced([minutes(11)], now, urgent, sure(now))).toBe(minutes(11) + seconds(1));
  expect(paced([minutes(11) + 1], now, urgent, sure(now))).toBe(now);
});

test('an acquire is paced by the one before, whatever that brought', () => {
  const record = { ...recordOf(), acquires: [0] };
  expect(decide(record, rulesOf(), at(seconds(1) - 1))).toMatchObject({ act: 'wait', until: seconds(1) });
  expect(decide(record, rulesOf(), at(seconds(1)))).toMatchObject({ act: 'acquire', because: 'NothingHeld' });
});

test('clocks that do not quite agree do not bring two requests closer together', () => {
  const next = (uncertainty: number) => paced([0], 0, urgent, { now: 0, startedAt: 0, uncertainty });
  expect([next(200), next(500)]).toEqual([1400, 2000]);
  expect(next(seconds(17))).toBe(2000);
});

describe('while the time is a guess', () => {
  const startedAt = minutes(10);
  const next = (acquires: readonly Instant[], now: Instant, wanted = now) =>
    paced(acquires, wanted, urgent, { now, startedAt, uncertainty: 0, isTimeGuessed: true });
  const eight = [7, 6, 5, 4, 3, 2, 1, 0];

  test.each([
    ['long ago', eight],
    ['ahead', eight.map((one) => one + hours(1))],
  ])('those of a process before us, %s, may have been begun right before we were', (_, acquires) => {
    expect(next(acquires, startedAt + seconds(335))).toBe(startedAt + seconds(335));
    expect(next(acquires, startedAt + seconds(334))).toBe(startedAt + seconds(335));
    expect(next(acquires.slice(1), startedAt)).toBe(startedAt + seconds(5));
    expect(next(acquires.slice(1), startedAt + seconds(65))).toBe(startedAt + seconds(65));
    expect(next(acquires.slice(1), startedAt + seconds(65) - 1)).toBe(startedAt + seconds(65));
  });

  test('it is asked soon whether it still is', () => {
    expect(next(eight, startedAt)).toBe(startedAt + seconds(5));
    expect(next(eight, startedAt, startedAt + minutes(1))).toBe(startedAt + minutes(1));
    expect(next(eight, startedAt, startedAt + minutes(6))).toBe(startedAt + minutes(6));
  });

  test('our own are where we know that they are', () => {
    const own = [startedAt + seconds(10), startedAt];
    expect(next(own, startedAt + seconds(10))).toBe(startedAt + seconds(11));
    expect(next([0, ...own], startedAt + seconds(10))).toBe(startedAt + seconds(11));
    expect(next([startedAt + seconds(11)], startedAt + seconds(10))).toBe(startedAt + seconds(10));
  });
});
