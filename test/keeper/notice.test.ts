import { describe, expect, test } from 'vitest';
import { LeaseError } from '../../src/core/failure.ts';
import { Material } from '../../src/core/material.ts';
import { hours, minutes, seconds } from '../../src/core/time.ts';
import { clockHasMoved, credentialIsNew, leaseIsGone, request, tokenRejected } from '../../src/keeper/notice.ts';
import { memorySink } from '../../src/sinks/memory.ts';
import { aSource, lent, Stage } from './stage.ts';

const acquires = ({ asked }: { readonly asked: readonly string[] }) =>
  asked.filter((call) => call.startsWith('acquire')).map((call) => Number(call.split(' at ')[1]));

describe('a token that its provider rejects', () => {
  test('is replaced at once where it is the present one, and serves until then', async () => {
    const stage = new Stage();
    const source = aSource(stage);
    const memory = memorySink();
    stage.add({ source, sinks: { memory }, isToken: true });
    await stage.until(minutes(20));
    await tokenRejected(stage.visit(), { lease: 'l1', generation: 0 });
    expect(memory.present()?.lease).toBe('l1');
    await stage.until(minutes(21));
    expect(acquires(source)).toEqual([0, minutes(20)]);
    expect(memory.present()?.lease).toBe('l2');
  });

  test('is not replaced for late word of an older generation', async () => {
    const stage = new Stage();
    let count = 0;
    const source = aSource(stage, {
      renew: async (lease) => ({
        lease: { ...lease, expiresAt: stage.now + minutes(60) },
        material: new Material({ value: `VALUE-${++count}` }),
      }),
    });
    const memory = memorySink();
    stage.add({ source, sinks: { memory }, isToken: true });
    await stage.until(minutes(31));
    expect(memory.present()).toMatchObject({ lease: 'l1', generation: 1 });
    await tokenRejected(stage.visit(), { lease: 'l1', generation: 0 });
    await tokenRejected(stage.visit(), { lease: 'l0', generation: 0 });
    await stage.until(minutes(32));
    expect(acquires(source)).toEqual([0]);
  });

  test('young, again and again, makes no login loop', async () => {
    const stage = new Stage();
    const source = aSource(stage);
    const memory = memorySink();
    stage.add({ source, sinks: { memory }, isToken: true });
    for (let now = 0; now < minutes(15); now += 1500) {
      await stage.until(now);
      const present = memory.present();
      if (present) await tokenRejected(stage.visit(), present);
    }
    const dates = acquires(source);
    for (const [i, date] of dates.entries()) {
      expect((dates[i + 8] ?? Number.POSITIVE_INFINITY) - date).toBeGreaterThan(minutes(5));
    }
    expect(dates.length).toBeGreaterThan(8);
  });

  test('is as urgent as those who wait for another', async () => {
    const stage = new Stage();
    const gate = stage.gate();
    let isDown = true;
    const logins: number[] = [];
    const token = aSource(stage, {
      acquire: async () => {
        logins.push(stage.now);
        if (isDown) throw new LeaseError('unavailable', '503');
        return { lease: lent('t', stage.now), material: new Material({ value: 'VALUE' }) };
      },
    });
    stage.add({ name: 'token', source: token, isToken: true, users: gate, gate: stage.gate('logins') });
    await stage.until(minutes(20));
    const before = logins.length;
    gate.block(hours(9), 'NoToken');
    gate.line('s', { deadline: minutes(21), emergencyAt: minutes(20) }, () => undefined);
    isDown = false;
    await stage.until(minutes(20) + seconds(8));
    expect(logins.length).toBe(before + 1);
  });
});

describe('a login that is rejected', () => {
  const rejected = () => {
    const stage = new Stage();
    const state = { credential: 'old', isRight: false, tries: [] as number[] };
    const source = aSource(stage, {
      acquire: async () => {
        state.tries.push(stage.now);
        if (!state.isRight) throw new LeaseError('denied', 'wrong');
        return { lease: lent('l1', stage.now), material: new Material({ value: 'VALUE' }) };
      },
      credential: async () => state.credential,
    });
    stage.add({ source });
    return { stage, state };
  };

  test('is tried again after a minute, then every five', async () => {
    const { stage, state } = rejected();
    await stage.until(minutes(12));
    expect(state.tries).toEqual([0, minutes(1), minutes(6), minutes(11)]);
  });

  test('is tried soon after the credential has changed', async () => {
    const { stage, state } = rejected();
    await stage.until(minutes(2));
    state.credential = 'new';
    state.isRight = true;
    await stage.until(minutes(3));
    expect(state.tries).toHaveLength(3);
    expect(state.tries[2]).toBeLessThanOrEqual(minutes(2) + seconds(10));
    expect((await stage.record()).rejectedCredential).toBeUndefined();
  });

  test('is tried at once when somebody says that the credential is new', async () => {
    const { stage, state } = rejected();
    await stage.until(minutes(2));
    await credentialIsNew(stage.visit());
    await stage.until(minutes(2) + 1);
    expect(state.tries).toEqual([0, minutes(1), minutes(2)]);
  });
});

test('a lease that is gone is replaced at once', async () => {
  const stage = new Stage();
  const source = aSource(stage);
  stage.add({ source });
  await stage.until(minutes(20));
  await leaseIsGone(stage.visit(), 'l1');
  await stage.until(minutes(21));
  expect(acquires(source)).toEqual([0, minutes(20)]);
});

test('a person’s request is looked at at once', async () => {
  const stage = new Stage();
  const source = aSource(stage);
  stage.add({ source });
  await stage.until(minutes(5));
  await request(stage.visit(), 'renew');
  await stage.until(minutes(6));
  await request(stage.visit(), 'revoke');
  await stage.until(minutes(7));
  expect(source.asked).toEqual([
    'acquire at 0',
    `renew at ${minutes(5)}`,
    `revoke at ${minutes(6)}`,
    `acquire at ${minutes(6)}`,
  ]);
});

test('where the clock was wrong nothing has expired before the provider says so', async () => {
  const stage = new Stage();
  const source = aSource(stage, {
    observe: async (lease) => ({ is: 'held', lease: { ...lease, expiresAt: hours(9) } }),
  });
  stage.add({ source });
  await stage.until(minutes(20));
  stage.skew = hours(2);
  await clockHasMoved(stage.visit());
  await stage.until(minutes(21));
  expect(source.asked).toEqual(['acquire at 0', `observe at ${minutes(20)}`]);
});

describe('before the provider has said what time it is', () => {
  const unsure = () => Promise.reject(new LeaseError('unavailable', 'no answer', { unsure: true }));

  test('what is noted is put right once it has: by as much as the clock was wrong', async () => {
    const stage = new Stage(minutes(60));
    let knowsTime = false;
    stage.add({ source: aSource(stage, { acquire: unsure, knowsTime: () => knowsTime }) });
    await stage.until(minutes(60) + seconds(2));
    const { acquires = [], intent } = await stage.record();
    expect(acquires).toEqual([minutes(60) + seconds(1), minutes(60)]);
    stage.skew = -minutes(8);
    knowsTime = true;
    await clockHasMoved(stage.visit());
    const next = await stage.record();
    expect(next.acquires).toEqual(acquires.map((begun) => begun - minutes(8)));
    expect(next.intent?.at).toBe((intent?.at ?? 0) - minutes(8));
    expect(next.doubt).toEqual({ since: minutes(52), until: minutes(52) });
    expect(next).not.toHaveProperty('guesses');
    await stage.until(minutes(60) + seconds(4));
    expect((await stage.record()).acquires).toEqual([minutes(52) + seconds(3), ...(next.acquires ?? [])]);
  });

  test('what a process has noted that is no more is put right by the next before it decides anything', async () => {
    const stage = new Stage(minutes(60));
    let knowsTime = false;
    const source = aSource(stage, { acquire: unsure, knowsTime: () => knowsTime });
    stage.add({ source });
    await stage.until(minutes(60) + seconds(20));
    expect(source.asked).toHaveLength(5);
    stage.restart();
    stage.skew = -minutes(8);
    knowsTime = true;
    stage.wakeAll('s');
    await stage.until(minutes(60) + seconds(30));
    const now = minutes(52) + seconds(20);
    const { acquires, doubt, failures } = await stage.record();
    expect(acquires).toEqual([now, now, now, now, now]);
    expect(doubt).toEqual({ since: now - hours(24), until: now });
    expect(failures['acquire']?.at).toBe(now);
    expect(source.asked).toHaveLength(5);
  });
});

test('what a person wants ended is what there was when it was asked for, however often the store is told of it, and when', async () => {
  const stage = new Stage();
  const source = aSource(stage);
  stage.add({ source, sinks: { memory: memorySink() } });
  await stage.until(minutes(1));
  // A store that was away is told again, by what has become of the record since.
  const told: Parameters<typeof stage.store.update>[1][] = [];
  stage.throughStore = {
    ...stage.ports.store,
    update: (name, change, values) => {
      told.push(change);
      return stage.store.update(name, change, values);
    },
  };
  await request(stage.visit(), 'revoke');
  const [asked] = told;
  const taken = {
    lease: lent('l9', minutes(2)),
    since: minutes(2),
    termStart: minutes(2),
    generation: 0,
    verified: true,
  };
  const again = await stage.store.update(
    's',
    (record) => asked?.({ ...record, leases: [taken, ...record.leases] }) ?? record,
  );
  const unwanted = again.record.leases.filter((held) => held.unwanted).map(({ lease }) => lease.id);
  expect(unwanted).toEqual(['l1']);
});
