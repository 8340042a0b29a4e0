import { expect, test } from 'vitest';
import { LeaseError, ProviderBlocked } from '../../src/core/failure.ts';
import { hours, minutes, seconds } from '../../src/core/time.ts';
import { aDynamic, aSecret, aStory, aToken, policy } from './quiet.ts';
import { Dice } from './timeline.ts';
import { World } from './world.ts';

/** An issuer that answers what it likes: also with success, and with leases that are of no use. */
function whimsical(world: World, dice: Dice): { readonly arrivals: number[] } {
  const arrivals: number[] = [];
  for (const { issuer, house } of world.kept) {
    const acquire = issuer.acquire.bind(issuer);
    const renew = issuer.renew.bind(issuer);
    const observe = issuer.observe.bind(issuer);
    const shrug = (): void => {
      const code = dice.oneOf('unavailable', 'unavailable', 'denied', 'gone', 'refused', 'invalid', 'later', undefined);
      if (code === 'later') throw new ProviderBlocked('RetryAfter', world.timeline.now() + house.skew + seconds(1));
      if (code !== undefined && dice.chance(0.6))
        throw new LeaseError(code, 'as it likes', { unsure: dice.chance(0.3) });
    };
    issuer.acquire = (key) => {
      arrivals.push(world.timeline.now());
      shrug();
      const last = issuer.last[0];
      if (last && dice.chance(0.2))
        return { issued: last, expiresAt: last.terms.at(-1)?.end ?? 0, value: `VALUE:${last.id}.0` };
      const word = acquire(key);
      const life = dice.oneOf(-1, 0.2, 2, 20, 90, 900) * 1000;
      if (dice.chance(0.7)) issuer.schedule(word.issued, world.timeline.now() + life);
      return { ...word, expiresAt: word.issued.terms.at(-1)?.end ?? 0 };
    };
    issuer.renew = (...how) => {
      shrug();
      return renew(...how);
    };
    issuer.observe = (id) => {
      shrug();
      return dice.chance(0.3) ? undefined : observe(id);
    };
  }
  return { arrivals };
}

test('whatever the answers, also successful ones: at most eight acquires in any five minutes, and a second between two', async () => {
  let most = 0;
  for (let seed = 1; seed <= 40; seed++) {
    const dice = new Dice(seed);
    const nature = dice.oneOf(
      aDynamic(minutes(1), 4),
      aDynamic(hours(1), 24),
      aToken(minutes(2), 1),
      aToken(hours(1), 24),
    );
    const secret = aSecret(nature, {
      isVerified: dice.chance(0.3),
      policy: { ...policy, grace: seconds(10), ...(dice.chance(0.3) && { rotateAfter: (at) => at + seconds(5) }) },
    });
    const crashes = Array.from({ length: dice.oneOf(0, 3, 12) }, () => dice.between(0, hours(2)));
    const world = new World(seed, aStory(secret, { trouble: hours(2), crashes, unfit: 0.3, background: 0.05 }));
    const { arrivals } = whimsical(world, dice);
    const broken = await world.live();
    expect(
      broken.filter((what) => what.startsWith('promise 5') && what.includes('acquire')),
      `seed ${seed}`,
    ).toEqual([]);
    for (const at of arrivals)
      most = Math.max(most, arrivals.filter((other) => other >= at && other < at + minutes(5)).length);
  }
  // It was tried hard enough only if the bound was reached.
  expect(most).toBeGreaterThanOrEqual(7);
});
