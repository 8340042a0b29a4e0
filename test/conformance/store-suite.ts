/** What every store keeps to, the one in memory and the one in Redis. */
import { afterEach, describe, expect, test } from 'vitest';
import { Material } from '../../src/core/material.ts';
import { emptyRecord, type SecretRecord } from '../../src/core/record.ts';
import type { Store } from '../../src/state/store.ts';

export interface StoreSubject {
  readonly store: Store;
  /** Another process's way to the same records. Absent: there is none. */
  readonly other?: Store;
  end(): Promise<void>;
}

/** A record with something in each of its parts. */
export const aRecord: SecretRecord = {
  leases: [
    {
      lease: {
        id: 'lease-1',
        issuedAt: 1_000,
        expiresAt: 61_000,
        maxExpiresAt: 361_000,
        renewal: { from: 'expiry', by: 60_000, atLeast: 60_000, canShorten: true },
      },
      since: 1_000,
      termStart: 1_000,
      generation: 2,
      verified: true,
      observedAt: 2_000,
    },
  ],
  sinks: {
    'file:/secrets/a b:c.env': {
      uses: [{ lease: 'lease-1', generation: 2 }],
      has: { lease: 'lease-1', generation: 2, mark: 'm', reloaded: false, seenAt: 3_000 },
    },
  },
  failures: { acquire: { count: 1, denied: 0, at: 4_000, code: 'unavailable', notBefore: 5_000 } },
  intent: { key: 'k', at: 6_000 },
  doubt: { since: 1, until: 2 },
  credentialSince: 3,
  rejectedCredential: 'fingerprint',
  acquires: [6_000, 1_000],
  acknowledged: { lease: 'lease-1', generation: 1 },
  requests: { rotate: 7_000 },
  succeeded: { acquire: 1_000 },
};

/** One more failure of an act that nobody knows: a count that shows whether a change was lost. */
export const counted = (record: SecretRecord): SecretRecord => {
  const count = (record.failures['counter']?.count ?? 0) + 1;
  const failure = { count, denied: 0, at: 0, code: 'unavailable' as const, notBefore: 0 };
  return { ...record, failures: { ...record.failures, counter: failure } };
};

/** A record with these leases, by their generations. */
export const withLeases = (generations: Readonly<Record<string, number>>): SecretRecord => ({
  ...emptyRecord,
  leases: Object.entries(generations).map(([id, generation]) => {
    const lease = { id, issuedAt: 1_000 };
    return { lease, since: 1_000, termStart: 1_000, generation, verified: true };
  }),
});

/** `lease/generation` and the values, of all that is kept. */
export async function keptIn(store: Store, secret = 'orders-db'): Promise<Readonly<Record<string, unknown>>> {
  const kept = await store.values(secret);
  return Object.fromEntries(
    kept.map(({ holding: { lease, generation }, material }) => [
      `${lease}/${generation}`,
      Object.fromEntries(material.keys().map((key) => [key, material.reveal(key)])),
    ]),
  );
}

export const valuesOf = (lease: string, password: string) => ({ lease, material: new Material({ password }) });

export function storeSuite(name: string, open: () => Promise<StoreSubject>): void {
  describe(`the store ${name}`, () => {
    let subject: StoreSubject | undefined;
    afterEach(async () => {
      await subject?.end();
      subject = undefined;
    });
    const start = async () => {
      subject = await open();
      return { store: subject.store, other: subject.other ?? subject.store };
    };

    test('has the empty record at revision 0 where nothing was saved', async () => {
      const { store } = await start();
      expect(await store.load('nobody')).toEqual({ record: emptyRecord, revision: 0 });
      expect(await store.list()).toEqual([]);
    });

    test('answers an update with what was saved, and loads just that', async () => {
      const { store, other } = await start();
      const saved = await store.update('orders-db', () => aRecord);
      expect(saved.record).toEqual(aRecord);
      expect(saved.revision).toBeGreaterThan(0);
      expect(await store.load('orders-db')).toEqual(saved);
      expect(await other.load('orders-db')).toEqual(saved);
    });

    test('counts the revision up with each save, and only then', async () => {
      const { store } = await start();
      const first = await store.update('orders-db', counted);
      await store.load('orders-db');
      const second = await store.update('orders-db', counted);
      expect(second.revision).toBeGreaterThan(first.revision);
      expect((await store.load('orders-db')).revision).toBe(second.revision);
    });

    test('applies a change to what somebody else saved in between', async () => {
      const { store, other } = await start();
      await store.update('orders-db', () => aRecord);
      await other.update('orders-db', counted);
      const { record } = await store.update('orders-db', (latest) => ({ ...latest, sinks: {} }));
      expect(record.failures['counter']?.count).toBe(1);
      expect(record.sinks).toEqual({});
    });

    test('loses none of a hundred changes that are made at the same time', async () => {
      const { store, other } = await start();
      await Promise.all(
        Array.from({ length: 50 }, () => [store.update('busy', counted), other.update('busy', counted)]).flat(),
      );
      expect((await store.load('busy')).record.failures['counter']?.count).toBe(100);
    });

    test('keeps each secret for itself, whatever it is called', async () => {
      const { store, other } = await start();
      const names = ['a', 'a:b', 'a/b', '*', '{a}', 'пароль', 'record', 'toString'];
      for (const [i, secret] of names.entries()) for (let n = 0; n <= i; n++) await store.update(secret, counted);
      for (const [i, secret] of names.entries()) {
        expect((await other.load(secret)).record.failures['counter']?.count).toBe(i + 1);
      }
      expect([...(await other.list())].sort()).toEqual([...names].sort());
    });

    test('forgets what is removed, for all, and begins anew', async () => {
      const { store, other } = await start();
      await store.update('orders-db', () => aRecord);
      await other.load('orders-db');
      await store.remove('orders-db');
      await store.remove('orders-db');
      expect(await other.load('orders-db')).toEqual({ record: emptyRecord, revision: 0 });
      expect(await other.list()).toEqual([]);
      const { record } = await other.update('orders-db', counted);
      expect(record.leases).toEqual([]);
    });

    test('saves nothing where the change throws, or answers what could not be read again', async () => {
      const { store } = await start();
      const saved = await store.update('orders-db', () => aRecord);
      const broken = () => {
        throw new Error('no');
      };
      await expect(store.update('orders-db', broken)).rejects.toThrow('no');
      const endless = (record: SecretRecord) => ({ ...record, credentialSince: Number.POSITIVE_INFINITY });
      await expect(store.update('orders-db', endless)).rejects.toThrow('credentialSince');
      expect(await store.load('orders-db')).toEqual(saved);
    });

    test('keeps values with their lease, in the generation that was saved with them, for all', async () => {
      const { store, other } = await start();
      expect(await store.values('orders-db')).toEqual([]);
      await store.update('orders-db', () => withLeases({ one: 0 }), valuesOf('one', 'first'));
      await store.update('orders-db', () => withLeases({ two: 3, one: 0 }), valuesOf('two', 'second'));
      await store.update('orders-db', counted);
      for (const each of [store, other]) {
        expect(await keptIn(each)).toEqual({ 'one/0': { password: 'first' }, 'two/3': { password: 'second' } });
      }
    });

    test('has the values of the last generation only', async () => {
      const { store, other } = await start();
      await store.update('orders-db', () => withLeases({ one: 0 }), valuesOf('one', 'first'));
      await other.update('orders-db', () => withLeases({ one: 1 }), valuesOf('one', 'second'));
      expect(await keptIn(store)).toEqual({ 'one/1': { password: 'second' } });
      await store.update('orders-db', () => withLeases({ one: 2 }));
      expect(await keptIn(store)).toEqual({});
      await store.update('orders-db', () => withLeases({ one: 1 }));
      expect(await keptIn(other)).toEqual({});
    });

    test('forgets values with their lease, and with the record', async () => {
      const { store, other } = await start();
      await store.update('orders-db', () => withLeases({ one: 0, two: 0 }), valuesOf('one', 'first'));
      await other.update('orders-db', () => withLeases({ two: 0 }), valuesOf('two', 'second'));
      expect(await keptIn(store)).toEqual({ 'two/0': { password: 'second' } });
      await store.update('orders-db', () => withLeases({ one: 0, two: 0 }));
      expect(await keptIn(other)).toEqual({ 'two/0': { password: 'second' } });
      await store.remove('orders-db');
      expect(await keptIn(store)).toEqual({});
      await other.update('orders-db', () => withLeases({ one: 0, two: 0 }));
      expect(await keptIn(store)).toEqual({});
    });

    test('keeps no values of a lease that is not in the record, nor any where nothing was saved', async () => {
      const { store } = await start();
      await store.update('orders-db', () => withLeases({ one: 0 }), valuesOf('two', 'stray'));
      const broken = () => {
        throw new Error('no');
      };
      await expect(store.update('orders-db', broken, valuesOf('one', 'stray'))).rejects.toThrow('no');
      await store.update('orders-db', () => withLeases({ one: 0, two: 0 }));
      expect(await keptIn(store)).toEqual({});
    });

    test('saves values with what somebody else saved in between', async () => {
      const { store, other } = await start();
      await store.update('orders-db', () => withLeases({ one: 0 }), valuesOf('one', 'first'));
      await other.update('orders-db', () => withLeases({ one: 4, two: 7 }), valuesOf('two', 'second'));
      await store.update('orders-db', (record) => record, valuesOf('one', 'third'));
      expect(await keptIn(other)).toEqual({ 'one/4': { password: 'third' }, 'two/7': { password: 'second' } });
    });

    test('gives back every value as it was, whatever it is called and holds', async () => {
      const { store, other } = await start();
      const odd = JSON.parse('{"__proto__":"p","":"","a b":"x\\u0000\\ud800\\n","пароль":"ключ","json":"{\\"a\\":1}"}');
      await store.update('orders-db', () => withLeases({ 'a:b/c': 0 }), {
        lease: 'a:b/c',
        material: new Material(odd),
      });
      expect(await keptIn(other)).toEqual({ 'a:b/c/0': odd });
    });
  });
}
