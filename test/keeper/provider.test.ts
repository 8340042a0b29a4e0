/** What a provider says of when it may be asked, and what that means for all of its secrets. */
import { describe, expect, test } from 'vitest';
import { LeaseError, ProviderBlocked } from '../../src/core/failure.ts';
import { Material } from '../../src/core/material.ts';
import { hours, type Instant, minutes, seconds } from '../../src/core/time.ts';
import { aSource, lent, pending, Stage } from './stage.ts';

const values = new Material({ value: 'VALUE' });

describe('a provider', () => {
  test('that may not be asked is asked when it may, and nobody counts a failure', async () => {
    const stage = new Stage();
    const answers = [new ProviderBlocked('NoToken', seconds(40)), undefined];
    const gate = stage.gate();
    const source = aSource(stage, {
      acquire: async () => {
        const blocked = answers.shift();
        if (blocked) throw blocked;
        return { lease: lent('l1', stage.now), material: values };
      },
    });
    stage.add({ source, gate });
    await stage.until(seconds(39));
    expect(stage.done()).toMatchObject([{ outcome: 'blocked', message: 'NoToken', next: { because: 'Blocked' } }]);
    const record = await stage.record();
    expect(record).toMatchObject({ failures: {}, acquires: [] });
    expect(record.intent).toBeUndefined();
    expect(stage.lookOf()).toBe(seconds(40));
    await stage.until(seconds(40));
    expect(source.asked).toEqual(['acquire at 0', 'acquire at 40000']);
  });

  test('that there is a token for again is asked at once', async () => {
    const stage = new Stage();
    const gate = stage.gate();
    gate.block(minutes(5), 'NoToken');
    const source = aSource(stage);
    stage.add({ source, gate });
    await stage.until(seconds(7));
    expect(source.asked).toEqual([]);
    gate.unblock();
    await stage.until(seconds(8));
    expect(source.asked).toEqual(['acquire at 7000']);
  });

  test('gets so many requests at a time, the most urgent first, and nobody waits in a worker', async () => {
    const stage = new Stage();
    const gate = stage.gate('p', 1);
    const order: string[] = [];
    const calls = new Map<string, ReturnType<typeof pending<void>>>();
    const add = (name: string, end: Instant) => {
      const source = aSource(stage, {
        observe: async () => {
          order.push(name);
          const call = pending<void>();
          calls.set(name, call);
          await call.promise;
          return { is: 'held', lease: lent(name, 0, { expiresAt: end }) };
        },
      });
      stage.add({ name, source, gate });
      return stage.store.update(name, (record) => ({
        ...record,
        leases: [{ lease: lent(name, 0, { expiresAt: end }), since: 0, termStart: 0, generation: 0, verified: true }],
      }));
    };
    await add('a', minutes(59));
    await add('b', minutes(50));
    await add('c', minutes(40));
    await stage.until(10);
    expect(order).toEqual(['a']);
    expect(stage.events).toContainEqual(
      expect.objectContaining({ secret: 'b', step: expect.objectContaining({ because: 'ProviderBusy' }) }),
    );
    for (const name of ['a', 'c', 'b']) {
      calls.get(name)?.resolve();
      await stage.until(stage.now + 10);
    }
    expect(order).toEqual(['a', 'c', 'b']);
    expect(stage.lookOf('b')).toBeGreaterThan(seconds(20));
  });

  test('that asks for silence is left alone by all of its secrets, but not until they are dead', async () => {
    const stage = new Stage();
    const gate = stage.gate();
    const tries: Instant[] = [];
    const limited = aSource(stage, {
      renew: async (lease) => {
        tries.push(stage.now);
        if (tries.length === 1) throw new ProviderBlocked('RetryAfter', stage.now + hours(1));
        return { lease: { ...lease, expiresAt: stage.now + minutes(60) } };
      },
    });
    const other = aSource(stage);
    stage.add({ source: limited, gate, policy: { renewAt: 0.9, jitter: 0, grace: 0 } });
    stage.add({ name: 'other', source: other, gate, policy: { renewAt: 0.92, jitter: 0, grace: 0 } });
    await stage.until(minutes(59));
    expect(tries).toEqual([minutes(54), minutes(57)]);
    expect(other.asked).toEqual(['acquire at 0', `renew at ${minutes(57)}`]);
  });

  test('that asks for silence is asked in time by who is in danger, also where another waits before it', async () => {
    const stage = new Stage();
    const gate = stage.gate();
    const tries: Instant[] = [];
    const limited = aSource(stage, {
      renew: async () => {
        tries.push(stage.now);
        throw new ProviderBlocked('RetryAfter', stage.now + hours(1));
      },
    });
    const add = (name: string, source: ReturnType<typeof aSource>, ends: Instant, begun: Instant, renewAt: number) => {
      stage.add({ name, source, gate, policy: { renewAt, jitter: 0, grace: 0 } });
      const lease = lent(name, begun, { expiresAt: ends });
      return stage.store.update(name, (record) => ({
        ...record,
        leases: [{ lease, since: begun, termStart: begun, generation: 0, verified: true, observedAt: 0 }],
      }));
    };
    // The first ends sooner, and is in danger later.
    await add('first', limited, minutes(30), 0, 0.5);
    await add('second', aSource(stage), minutes(31), minutes(-89), 0.9);
    await stage.until(minutes(30));
    expect(tries[0]).toBe(minutes(15));
    expect(stage.done('second')[0]?.at).toBe(minutes(25));
  });

  test('that does not answer is spared by those who can wait', async () => {
    const stage = new Stage();
    const gate = stage.gate();
    const asked: Instant[] = [];
    for (let i = 0; i < 20; i++) {
      const source = aSource(stage, {
        acquire: async () => {
          asked.push(stage.now);
          throw new LeaseError('unavailable', '503');
        },
      });
      stage.add({ name: `s${i}`, source, gate });
    }
    await stage.until(minutes(10));
    const perMinute = asked.filter((at) => at > minutes(5) && at <= minutes(10)).length / 5;
    expect(perMinute).toBeLessThanOrEqual(2.2);
    expect(perMinute).toBeGreaterThan(1);
  });
});
