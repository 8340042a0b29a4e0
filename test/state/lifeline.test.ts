/** The lifeline on a store that goes, comes back, forgets, and does not say what it has done. */
import { describe, expect, test } from 'vitest';
import { Material } from '../../src/core/material.ts';
import type { SecretRecord } from '../../src/core/record.ts';
import type { Transition } from '../../src/core/transitions.ts';
import type { Store, Values } from '../../src/state/store.ts';
import { aRecord, counted, storeSuite } from '../conformance/store-suite.ts';
import { aLease, held } from '../core/build.ts';
import { type Fate, Subject, slowness } from './lifeline-subject.ts';

const countOf = (record: SecretRecord) => record.failures['counter']?.count;

const aSubject = async () => {
  const subject = new Subject();
  await subject.lifeline.load('s');
  await subject.lifeline.values('s');
  await subject.lifeline.update('s', () => aRecord);
  subject.asked.length = 0;
  return subject;
};

storeSuite('behind a lifeline', async () => ({ store: new Subject().lifeline, end: async () => undefined }));

/** Takes a lease of that name. */
const taking =
  (id: string): Transition =>
  (record) => ({ ...record, leases: [held(aLease({ id })), ...record.leases] });
const valuesOf = (lease: string): Values => ({ lease, material: new Material({ value: `VALUE-${lease}` }) });

describe('a lifeline', () => {
  test('answers from memory while the store is away, and tells it all at its return', async () => {
    const subject = await aSubject();
    const { lifeline } = subject;
    subject.fate = 'refused';
    expect(await lifeline.load('s')).toMatchObject({ record: aRecord, cutOff: 1_000_000 });
    for (let i = 1; i <= 3; i++) expect(countOf((await lifeline.update('s', counted)).record)).toBe(i);
    expect(countOf((await lifeline.load('s')).record)).toBe(3);
    expect(await subject.count()).toBeUndefined();
    expect(lifeline.kept).toBe(1);
    subject.fate = 'done';
    await subject.pass(2_000);
    expect(await subject.count()).toBe(3);
    const saved = await lifeline.load('s');
    expect(saved).toEqual(await subject.inner.load('s'));
    expect(saved).not.toHaveProperty('cutOff');
    expect(lifeline.kept).toBe(0);
  });

  test('counts its revisions up without the store, and stays below those that the store counts', async () => {
    const subject = await aSubject();
    const { revision } = await subject.lifeline.load('s');
    subject.fate = 'refused';
    const revisions = [revision];
    for (let i = 0; i < 5; i++) revisions.push((await subject.lifeline.update('s', counted)).revision);
    expect((await subject.lifeline.load('s')).revision).toBe(revisions.at(-1));
    subject.fate = 'done';
    await subject.pass(2_000);
    revisions.push((await subject.lifeline.load('s')).revision);
    expect(revisions).toEqual([...new Set(revisions)].sort((a, b) => a - b));
  });

  test('asks the store that failed no more than once until it is back, whoever asks', async () => {
    const subject = await aSubject();
    await subject.lifeline.load('other');
    subject.fate = 'never';
    subject.asked.length = 0;
    const first = subject.get(subject.lifeline.load('s'));
    await first;
    expect(subject.asked).toEqual(['load s']);
    const before = subject.now;
    await subject.lifeline.load('other');
    await subject.lifeline.update('s', counted);
    await subject.lifeline.update('other', counted);
    expect(subject.now).toBe(before);
    expect(subject.asked).toEqual(['load s']);
  });

  test('lets nobody wait longer than 1 s for a store that does not answer', async () => {
    const subject = await aSubject();
    subject.fate = 'never';
    let isAnswered = false;
    void subject.lifeline.update('s', counted).then(() => {
      isAnswered = true;
    });
    await subject.pass(999);
    expect(isAnswered).toBe(false);
    await subject.pass(1);
    expect(isAnswered).toBe(true);
  });

  test.each<[Fate]>([['refused'], ['unheard']])(
    'applies once what was %s, however often the store did not say what it had done',
    async (fate) => {
      const subject = await aSubject();
      subject.fates.push(fate);
      expect(countOf((await subject.lifeline.update('s', counted)).record)).toBe(1);
      // Whatever it tries to tell is taken, or not, and not said either.
      subject.isReadable = true;
      subject.fates.push(fate, fate, fate);
      await subject.lifeline.update('s', counted);
      await subject.pass(10_000);
      expect(subject.fates).toEqual([]);
      expect(await subject.count()).toBe(2);
      expect((await subject.lifeline.update('s', counted)).record.failures['counter']?.count).toBe(3);
    },
  );

  test('knows its own save that it was not told of: what it took back since does not come again', async () => {
    const subject = await aSubject();
    const { intent: _, ...idle } = aRecord;
    await subject.lifeline.update('s', () => idle);
    subject.fates.push('unheard');
    await subject.lifeline.update('s', (record) => ({ ...record, intent: { key: 'k', at: 1 } }));
    await subject.lifeline.update('s', () => idle);
    expect((await subject.inner.load('s')).record).toHaveProperty('intent');
    await subject.pass(2_000);
    expect((await subject.inner.load('s')).record).toEqual(idle);
  });

  test('waits with the telling for what is still under way: it is not done again on top of it', async () => {
    const subject = await aSubject();
    let answer = () => {};
    const late = new Promise<void>((resolve) => {
      answer = resolve;
    });
    const update = subject.inner.update.bind(subject.inner);
    subject.inner.update = async (...args) => {
      subject.inner.update = update;
      await late;
      return update(...args);
    };
    await subject.get(subject.lifeline.update('s', counted));
    await subject.pass(5_000);
    expect(await subject.count()).toBeUndefined();
    answer();
    await subject.pass(5_000);
    expect(await subject.count()).toBe(1);
    expect(subject.lifeline.unsaved()).toEqual([]);
  });

  test('does not take a change that throws, or a record that cannot be written, for a store that is away', async () => {
    const subject = await aSubject();
    const broken = () => {
      throw new Error('no');
    };
    const endless = (record: SecretRecord) => ({ ...record, credentialSince: Number.POSITIVE_INFINITY });
    await expect(subject.lifeline.update('s', broken)).rejects.toThrow('no');
    await expect(subject.lifeline.update('s', endless)).rejects.toThrow('credentialSince');
    expect(await subject.lifeline.load('s')).not.toHaveProperty('cutOff');
    subject.fate = 'refused';
    await subject.lifeline.load('s');
    await expect(subject.lifeline.update('s', broken)).rejects.toThrow('no');
    await expect(subject.lifeline.update('s', endless)).rejects.toThrow('credentialSince');
    expect(await subject.lifeline.load('s')).toMatchObject({ record: aRecord });
  });

  test('fails as the store does for a secret that it has never seen, and goes on with it when the store is back', async () => {
    const subject = new Subject();
    subject.fate = 'refused';
    await expect(subject.lifeline.load('s')).rejects.toThrow('OOM');
    await expect(subject.lifeline.update('s', counted)).rejects.toThrow('OOM');
    await expect(subject.lifeline.values('s')).rejects.toThrow('OOM');
    subject.fate = 'done';
    await subject.pass(2_000);
    expect(countOf((await subject.lifeline.update('s', counted)).record)).toBe(1);
  });

  test('begins on a store that takes longer than anybody waits: for what nobody knows yet it is asked as long as it takes', async () => {
    const subject = new Subject();
    const { lifeline } = subject;
    subject.fate = 'slow';
    const begun = subject.now;
    const first = lifeline.load('s').then(() => subject.now - begun);
    await subject.pass(slowness);
    expect(await first).toBe(slowness);
    // Known: the store is cut off by the first who waits too long for it, and what others never asked for is asked for.
    const second = lifeline.update('s', counted).then(() => subject.now - begun);
    const third = lifeline.values('s').then((kept) => [kept, subject.now - begun]);
    const other = lifeline.load('other').then(() => subject.now - begun);
    await subject.pass(2 * slowness);
    expect(await second).toBe(slowness + 1_000);
    expect(await third).toEqual([[], 2 * slowness + 1_000]);
    expect(await other).toBe(2 * slowness);
    // And it is told everything, slow as it is.
    await subject.pass(20 * slowness);
    expect(lifeline.unsaved()).toEqual([]);
    expect(await subject.count()).toBe(1);
  });

  test('keeps what somebody else saved meanwhile, beside its own', async () => {
    const subject = await aSubject();
    subject.fate = 'refused';
    await subject.lifeline.update('s', taking('mine'));
    await subject.inner.update('s', (record) => taking('theirs')(counted(record)));
    subject.fate = 'done';
    await subject.pass(2_000);
    const { record } = await subject.inner.load('s');
    expect(record.leases.map(({ lease }) => lease.id)).toEqual(['mine', 'lease-1', 'theirs']);
    expect(countOf(record)).toBe(1);
  });

  test('tells also what happens while it tells', async () => {
    const subject = await aSubject();
    subject.fate = 'refused';
    await subject.lifeline.update('s', counted);
    subject.fate = 'done';
    let isOnce = true;
    const update = subject.inner.update.bind(subject.inner);
    subject.inner.update = async (...args) => {
      const saved = await update(...args);
      if (isOnce) {
        isOnce = false;
        expect(countOf((await subject.lifeline.update('s', counted)).record)).toBe(2);
      }
      return saved;
    };
    await subject.pass(2_000);
    expect(await subject.count()).toBe(2);
    expect(subject.lifeline.unsaved()).toEqual([]);
    expect(subject.told).toEqual(['s back']);
  });
});

describe('values in a lifeline', () => {
  const kept = async (store: Store) =>
    (await store.values('s')).map(({ holding, material }) => `${holding.lease} ${material.reveal('value')}`);

  test('are there while the store is away, and in the store when it is back', async () => {
    const subject = await aSubject();
    await subject.lifeline.update('s', taking('a'), valuesOf('a'));
    subject.fate = 'refused';
    await subject.lifeline.update('s', taking('b'), valuesOf('b'));
    await subject.lifeline.update('s', taking('c'), valuesOf('c'));
    expect(await kept(subject.lifeline)).toEqual(['a VALUE-a', 'b VALUE-b', 'c VALUE-c']);
    subject.fate = 'done';
    await subject.pass(2_000);
    expect((await kept(subject.inner)).sort()).toEqual(['a VALUE-a', 'b VALUE-b', 'c VALUE-c']);
  });

  test('of a lease that was given up meanwhile are forgotten', async () => {
    const subject = await aSubject();
    subject.fate = 'refused';
    await subject.lifeline.update('s', taking('b'), valuesOf('b'));
    await subject.lifeline.update('s', () => aRecord);
    expect(await kept(subject.lifeline)).toEqual([]);
    subject.fate = 'done';
    await subject.pass(2_000);
    expect(await kept(subject.inner)).toEqual([]);
    expect(subject.lifeline.unsaved()).toEqual([]);
  });

  test('that it never read are not said to be lost, but cannot be told', async () => {
    const subject = new Subject();
    await subject.lifeline.update('s', taking('a'), valuesOf('a'));
    subject.fate = 'refused';
    await expect(subject.lifeline.values('s')).rejects.toThrow('OOM');
    await expect(subject.lifeline.values('s')).rejects.toThrow('OOM');
    subject.fate = 'done';
    await subject.pass(2_000);
    expect(await kept(subject.lifeline)).toEqual(['a VALUE-a']);
  });

  test('that were kept from before are there when the store goes', async () => {
    const subject = new Subject();
    await subject.inner.update('s', taking('a'), valuesOf('a'));
    await subject.lifeline.load('s');
    await subject.lifeline.values('s');
    subject.fate = 'refused';
    expect(await kept(subject.lifeline)).toEqual(['a VALUE-a']);
  });
});

describe('what people hear of it:', () => {
  test('once that a secret is kept, once that it is back, however long and often it was asked', async () => {
    const subject = await aSubject();
    subject.fate = 'refused';
    for (let i = 0; i < 20; i++) {
      await subject.lifeline.update('s', counted);
      await subject.pass(5_000);
    }
    expect(subject.told).toEqual(['s kept: OOM']);
    subject.fate = 'done';
    await subject.pass(5_000);
    expect(subject.told).toEqual(['s kept: OOM', 's back, as reported']);
  });

  test('nothing of a moment', async () => {
    const subject = await aSubject();
    subject.fates.push('refused', 'refused');
    await subject.lifeline.update('s', counted);
    await subject.pass(5_000);
    expect(subject.told).toEqual(['s back']);
    expect(await subject.count()).toBe(1);
  });

  test('at the end, what the store was never told', async () => {
    const subject = await aSubject();
    await subject.lifeline.load('fine');
    subject.fate = 'refused';
    await subject.lifeline.update('s', counted);
    await subject.lifeline.load('fine');
    expect(await subject.get(subject.lifeline.close(1_000))).toEqual(['s']);
  });

  test('at the end, nothing where a last try tells it; and a store that does not answer holds nobody up', async () => {
    const subject = await aSubject();
    subject.fate = 'refused';
    await subject.lifeline.update('s', counted);
    subject.fate = 'done';
    expect(await subject.lifeline.close(1_000)).toEqual([]);
    const other = await aSubject();
    other.fate = 'refused';
    await other.lifeline.update('s', counted);
    other.fate = 'never';
    const from = other.now;
    expect(await other.get(other.lifeline.close(1_000))).toEqual(['s']);
    expect(other.now - from).toBeLessThanOrEqual(1_100);
  });
});

test('one secret that cannot be saved does not keep others from it', async () => {
  const subject = await aSubject();
  const names = Array.from({ length: 60 }, (_, i) => `s${i}`);
  for (const name of names) await subject.lifeline.load(name);
  subject.fate = 'refused';
  for (const name of ['s', ...names]) await subject.lifeline.update(name, counted);
  const update = subject.inner.update.bind(subject.inner);
  subject.inner.update = async (secret, ...rest) => {
    if (secret === 's') throw new Error('not this one');
    return update(secret, ...rest);
  };
  subject.fate = 'done';
  await subject.pass(5_000);
  expect(subject.lifeline.unsaved()).toEqual(['s']);
  expect(await subject.lifeline.load('s0')).not.toHaveProperty('cutOff');
});

test('what is no longer configured is forgotten, once the store knows it', async () => {
  const subject = await aSubject();
  await subject.lifeline.load('gone');
  subject.lifeline.keepOnly(new Set(['s']));
  subject.fate = 'refused';
  await expect(subject.lifeline.load('gone')).rejects.toThrow('OOM');
  await subject.lifeline.update('s', counted);
  subject.lifeline.keepOnly(new Set());
  subject.fate = 'done';
  await subject.pass(2_000);
  expect(await subject.count()).toBe(1);
});
