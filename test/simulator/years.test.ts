/**
 * A year in the life of a token, judged from outside. Two of them live through a part of it only, since a whole year of
 * so many terms takes most of a minute: `npm run years` lets each live through all of it.
 */
import { expect, test } from 'vitest';
import { days, hours, minutes } from '../../src/core/time.ts';
import { plain } from './nature.ts';
import { aSecret, aStory, aToken } from './quiet.ts';
import { World } from './world.ts';

const areWhole = process.env['LEASEKEEPER_YEARS'] === 'whole';

test.each([
  { name: '15 minutes, and 15 at the most', ttl: minutes(15), maxTerms: 1, long: areWhole ? 365 : 30 },
  { name: '15 minutes of 1 hour', ttl: minutes(15), maxTerms: 4, long: areWhole ? 365 : 40 },
  { name: '1 hour of 24', ttl: hours(1), maxTerms: 24, long: 365 },
  { name: '30 days, and 30 at the most', ttl: days(30), maxTerms: 1, long: 365 },
])(
  'for $long days a token of $name is never dead in use, never renewed to death, and rarely logged in for',
  async ({ ttl, maxTerms, long }) => {
    const span = days(long);
    const world = new World(1, aStory(aSecret(aToken(ttl, maxTerms), { sinks: [['by the sink']] }), { trouble: span }));
    expect(await world.live()).toEqual([]);
    const [kept] = world.kept;
    // No more logins than twice what the wall makes necessary.
    expect(kept?.issuer.leases.size).toBeGreaterThanOrEqual(span / (ttl * maxTerms));
    expect(kept?.issuer.leases.size).toBeLessThanOrEqual((2 * span) / (ttl * maxTerms) + 2);
    const living = [...(kept?.issuer.leases.values() ?? [])].filter((issued) => kept?.issuer.isLiving(issued));
    expect(living.length, 'predecessors are ended').toBeLessThanOrEqual(2);
  },
  // Thousands of terms: a busy machine takes minutes.
  400_000,
);

test('a token without an end, and one that can be renewed for ever, are logged in for once in a year', async () => {
  for (const nature of [{ ...aToken(hours(12), 1), maxTerms: Number.POSITIVE_INFINITY }, { ...aToken(1, 1) }]) {
    const { ttl: _, maxTerms: __, renewal: ___, ...endless } = nature;
    const plan = aStory(aSecret(nature.ttl === 1 ? endless : nature, { sinks: [['never']] }), { trouble: days(365) });
    const world = new World(1, plan);
    expect(await world.live()).toEqual([]);
    expect(world.kept[0]?.issuer.leases.size).toBe(1);
  }
});

test.each([
  { name: '12 hours', ttl: hours(12) },
  { name: 'an hour', ttl: hours(1) },
])(
  'for 30 days an IAM token of $name leaves no gap, though its giver gives it again while it is young',
  async ({ ttl }) => {
    const span = days(30);
    const secret = aSecret({ ...plain, kind: 'iam', ttl }, { sinks: [['by the sink']] });
    const world = new World(1, aStory(secret, { trouble: span }));
    expect(await world.live()).toEqual([]);
    const [kept] = world.kept;
    expect(kept?.issuer.leases.size).toBeGreaterThanOrEqual(span / ttl);
    // Asked for once more where it was too young, and not again and again.
    expect(world.judge.acquires.get('s')).toBeLessThanOrEqual(4 * (span / ttl));
  },
);
