import { expect, test } from 'vitest';
import { LeaseError } from '../../src/core/failure.ts';
import type { Policy } from '../../src/core/rules.ts';
import { hours, minutes, seconds } from '../../src/core/time.ts';
import { deliver } from '../../src/keeper/deliver.ts';
import { look } from '../../src/keeper/look.ts';
import { credentialIsNew, leaseIsGone } from '../../src/keeper/notice.ts';
import { type Secret, secretOf, type Visit } from '../../src/keeper/secret.ts';
import { memorySink } from '../../src/sinks/memory.ts';
import { Faults } from './faults.ts';
import type { Nature } from './nature.ts';
import { leaseOf, SinkPlace } from './place.ts';
import { Provider } from './provider.ts';
import { Dice, Life, Timeline } from './timeline.ts';
import { Records, Wakes } from './wakes.ts';

const policy: Policy = { renewAt: 2 / 3, jitter: 0.1, grace: minutes(1) };
const renewal = { from: 'now', canShorten: false, pastTheWall: 'killed', changesValues: true } as const;
const none = { canRead: false, canObserve: false, canSearch: false, honoursKeys: false };
const token: Nature = { ...none, kind: 'token', ttl: minutes(15), maxTerms: 4, renewal };
const lease: Nature = {
  ...none,
  kind: 'dynamic',
  ttl: hours(1),
  renewal: { ...renewal, from: 'expiry', changesValues: false },
};

/** A lease that needs a token for every request, and a token that is kept by the same loop. */
function aWorldWithAToken(seed: number) {
  const dice = new Dice(seed);
  const timeline = new Timeline();
  const faults = new Faults(timeline, dice, 0.02, hours(24));
  const [tokens, leases] = [new Provider(token, timeline, dice), new Provider(lease, timeline, dice)];
  const place = new SinkPlace('file', true, () => undefined);
  const wakes = new Wakes(timeline, dice);
  const life = new Life(timeline, dice);
  const store = new Records(dice).store(life);
  let keys = 0;
  const ports = {
    store,
    scheduler: wakes.scheduler(life),
    clock: timeline,
    startedAt: 0,
    newKey: () => `key${++keys}`,
    emit: () => undefined,
  };
  const visitOf = (secret: Secret): Visit => ({ secret, ports, signal: life.abort.signal });
  const memory = memorySink(() => void credentialIsNew(visitOf(db)));
  leases.authorize = () => {
    const held = memory.present();
    if (!held) throw new LeaseError('denied', 'no token yet');
    if (tokens.endOfValue(held.material.reveal('value') ?? '') > timeline.now()) return;
    void leaseIsGone(visitOf(access), held.lease);
    throw new LeaseError('denied', 'the token is dead');
  };
  const access = secretOf({ name: 'access', source: tokens.source(life, faults), sinks: { memory }, policy });
  const db = secretOf({
    name: 'db',
    source: leases.source(life, faults),
    sinks: { file: place.sink(life, faults) },
    policy,
  });
  wakes.handle = (job) => {
    const visit = visitOf(job.secret === 'access' ? access : db);
    return job.kind === 'look' ? look(visit) : deliver(visit, job.sink);
  };
  for (const secret of ['db', 'access']) wakes.ensure({ kind: 'look', secret }, 0);
  return { timeline, tokens, leases, place, dice };
}

test('the secrets of a provider live through a whole day of revoked tokens', async () => {
  for (let seed = 1; seed <= 30; seed++) {
    const { timeline, tokens, leases, place, dice } = aWorldWithAToken(seed);
    await timeline.runUntil(seconds(20));
    expect(place.loaded, `seed ${seed}`).toBeDefined();
    for (let hour = 1; hour <= 24; hour++) {
      await timeline.runUntil(hours(hour) + dice.between(0, minutes(50)));
      for (const issued of tokens.leases.values()) issued.endedAt = Math.min(issued.endedAt, timeline.now());
      const end = leases.endOfValue(place.loaded ?? '');
      expect(end, `seed ${seed}: ${leaseOf(place.loaded)}`).toBeGreaterThan(timeline.now());
    }
    // A few logins for each revocation, not a storm.
    expect(tokens.leases.size, `seed ${seed}`).toBeLessThan(100);
  }
});
