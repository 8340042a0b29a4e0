import { describe, expect, test } from 'vitest';
import { behindWall, type Lease, latestSending, lessonOf, renewedExpiry } from '../../src/core/lease.ts';
import { hours, minutes, seconds } from '../../src/core/time.ts';
import { aLease } from './build.ts';

const fromNow = { from: 'now', by: minutes(60), atLeast: minutes(60), canShorten: false } as const;
const additive = { from: 'expiry', by: minutes(60), atLeast: minutes(1), canShorten: true } as const;

describe('a renewal that counts from now', () => {
  const lease = aLease({ renewal: fromNow, maxExpiresAt: minutes(100) });

  test('lands where it fits before the wall, the time included that it may take to arrive', () => {
    expect(renewedExpiry(lease, minutes(40))).toBe(minutes(100));
    expect(renewedExpiry(lease, minutes(40) + 1)).toBeUndefined();
    expect(renewedExpiry(lease, minutes(39), minutes(1))).toBe(minutes(99));
    expect(renewedExpiry(lease, minutes(39), minutes(1) + 1)).toBeUndefined();
  });

  test('that may be shortened lands at the wall, unless less than the least is left', () => {
    const clamped = { ...lease, renewal: { ...fromNow, atLeast: minutes(30), canShorten: true } };
    expect(renewedExpiry(clamped, minutes(45))).toBe(minutes(100));
    expect(renewedExpiry(clamped, minutes(50), minutes(20))).toBe(minutes(100));
    expect(renewedExpiry(clamped, minutes(50), minutes(20) + 1)).toBeUndefined();
  });

  test('has to gain something, and leave at least half a term', () => {
    expect(renewedExpiry(aLease(), 0)).toBeUndefined();
    expect(renewedExpiry(aLease(), 1)).toBe(minutes(60) + 1);
    const clamped = { ...lease, renewal: { ...fromNow, atLeast: 0, canShorten: true }, maxExpiresAt: minutes(80) };
    expect(renewedExpiry(clamped, minutes(50))).toBe(minutes(80));
    expect(renewedExpiry(clamped, minutes(50) + 1)).toBeUndefined();
  });

  test('is not possible once the lease is dead, or where there is nothing to extend', () => {
    expect(renewedExpiry(aLease(), minutes(60) - 1)).toBe(minutes(120) - 1);
    expect(renewedExpiry(aLease(), minutes(60))).toBeUndefined();
    expect(renewedExpiry({ id: 'l1', issuedAt: 0, renewal: fromNow }, 1)).toBeUndefined();
    expect(renewedExpiry({ id: 'l1', issuedAt: 0, expiresAt: 9 }, 1)).toBeUndefined();
  });

  test('is sent early enough to arrive before the wall and before the end', () => {
    expect(latestSending(lease, minutes(1))).toBe(minutes(39));
    expect(
      latestSending({ ...lease, renewal: { ...fromNow, atLeast: minutes(50), canShorten: true } }, minutes(1)),
    ).toBe(minutes(49));
    expect(latestSending(aLease(), minutes(1))).toBe(minutes(60));
  });
});

describe('a renewal that counts from the end', () => {
  const lease = aLease({ renewal: additive, maxExpiresAt: minutes(150) });

  test('needs no margin: both dates are the provider’s', () => {
    expect(renewedExpiry(lease, minutes(30), hours(9))).toBe(minutes(120));
  });

  test('is shortened to the wall, but not to less than the least', () => {
    expect(renewedExpiry({ ...lease, maxExpiresAt: minutes(90) }, minutes(30))).toBe(minutes(90));
    expect(renewedExpiry({ ...lease, maxExpiresAt: minutes(61) }, minutes(1))).toBe(minutes(61));
    expect(renewedExpiry({ ...lease, maxExpiresAt: minutes(61) - 1 }, minutes(1))).toBeUndefined();
  });

  test('that cannot be shortened has to fit whole', () => {
    const stiff = { ...lease, renewal: { ...additive, canShorten: false } };
    expect(renewedExpiry({ ...stiff, maxExpiresAt: minutes(120) }, minutes(30))).toBe(minutes(120));
    expect(renewedExpiry({ ...stiff, maxExpiresAt: minutes(120) - 1 }, minutes(30))).toBeUndefined();
  });

  test('may be sent while the lease lives', () => {
    expect(latestSending(lease, minutes(1))).toBe(minutes(60));
  });
});

describe('a renewal teaches', () => {
  const before = aLease({ maxExpiresAt: hours(9) });
  const lesson = (expiresAt: number, now = minutes(30)) => lessonOf(before, aLease({ expiresAt }), minutes(30), now);

  test('nothing new where it lands as predicted, give or take five seconds', () => {
    expect(lesson(minutes(90))).toBe('as predicted');
    expect(lesson(minutes(90) - seconds(5))).toBe('as predicted');
    expect(lesson(minutes(95))).toBe('as predicted');
  });

  test('of a wall where it lands short', () => {
    expect(lesson(minutes(90) - seconds(5) - 1)).toBe('a wall');
    expect(lesson(minutes(60) + 1)).toBe('a wall');
  });

  test('of no wall where others set an end once more while it was lifted', () => {
    const lifted = aLease({ renewal: { ...fromNow, by: hours(1e6), atLeast: hours(1e6), atOnce: true } });
    const { expiresAt: _, ...forGood } = lifted;
    const told = (after: Lease) => lessonOf(lifted, after, minutes(30), minutes(30));
    expect(told(forGood)).toBe('as predicted');
    expect(told({ ...lifted, expiresAt: hours(20) })).toBe('refused');
  });

  test('that there will be no other where it gains nothing or lands in the past', () => {
    expect(lesson(minutes(60))).toBe('refused');
    expect(lesson(minutes(61), minutes(61))).toBe('refused');
    expect(lesson(minutes(61), minutes(61) - 1)).toBe('a wall');
  });

  test('nothing where nothing could be predicted', () => {
    expect(lessonOf(before, aLease({ expiresAt: minutes(61) }), minutes(60), minutes(60))).toBe('as predicted');
  });
});

describe('a wall that was learnt', () => {
  test('is added to what the provider says', () => {
    expect(behindWall(aLease(), minutes(60)).maxExpiresAt).toBe(minutes(60));
    expect(behindWall(aLease({ maxExpiresAt: minutes(50) }), minutes(60)).maxExpiresAt).toBe(minutes(50));
    expect(behindWall(aLease(), undefined).maxExpiresAt).toBeUndefined();
  });

  test('is forgotten where the lease has passed it', () => {
    expect(behindWall(aLease(), minutes(60) - seconds(5)).maxExpiresAt).toBe(minutes(60) - seconds(5));
    expect(behindWall(aLease(), minutes(60) - seconds(5) - 1).maxExpiresAt).toBeUndefined();
  });
});
