/** What every source has to keep to, by what it can do. A fixture plays its provider. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type LeaseError, ProviderBlocked } from '../../src/core/failure.ts';
import { endOf, type Lease, renewedExpiry } from '../../src/core/lease.ts';
import type { Material } from '../../src/core/material.ts';
import type { Clock, Duration } from '../../src/core/time.ts';
import type { Acquired, Source } from '../../src/sources/source.ts';

export interface PlayedProvider {
  readonly source: Source;
  /** The provider's own clock. */
  readonly clock: Clock;
  /** Time passes, there and here. */
  pass(by: Duration): void;
  /** Would these values be let in now? */
  accepts(material: Material): Promise<boolean>;
  /** Somebody else ends it. Absent: what is replaced there has not ended by that. */
  endOutside?(acquired: Acquired): Promise<void>;
  /** Whatever was presented or is secret besides the values of a lease. */
  readonly credentials: readonly string[];
  /** The next requests go wrong. Absent: that cannot happen there. */
  readonly troubles: Partial<Record<Trouble, () => void | Promise<void>>>;
  /** Changes what `acquire` presents, where it presents something of its own. */
  changeCredential?(): void;
  /** How many requests arrived. */
  requests(): number;
  /** Somebody else makes a successor. Absent: an `acquire` makes one. */
  succeed?(): void;
  /** Somebody else's takes the place of what is to be ended, which cannot be while it is in use. Absent: it can. */
  makeWay?(): void;
  /** Time passes until nobody is let in any more by what was ended. Absent: that is so at once. */
  untilEnded?(): void;
  close(): Promise<void>;
}

export type Trouble =
  | 'down'
  | 'fails'
  | 'hangs'
  | 'cuts after the work'
  | 'cuts before the work'
  | 'is hidden by a page of a proxy'
  | 'breaks off its answer'
  | 'swells its answer'
  | 'limits us'
  | 'rejects our credential'
  | 'rejects our token'
  | 'lacks a permission';

/** What `acquire` has to answer in each trouble: the code, and whether it may have had an effect. */
export const meanings: Readonly<Record<Trouble, object>> = {
  down: { name: 'LeaseError', code: 'unavailable' },
  fails: { name: 'LeaseError', code: 'unavailable', unsure: true },
  hangs: { name: 'LeaseError', code: 'unavailable', unsure: true },
  'cuts after the work': { name: 'LeaseError', code: 'unavailable', unsure: true },
  'cuts before the work': { name: 'LeaseError', code: 'unavailable', unsure: true },
  'is hidden by a page of a proxy': { name: 'LeaseError', code: 'unavailable', unsure: true },
  'breaks off its answer': { name: 'LeaseError', code: 'unavailable', unsure: true },
  'swells its answer': { name: 'LeaseError', code: 'unavailable', unsure: true },
  'limits us': { name: 'ProviderBlocked', because: 'RetryAfter' },
  'rejects our credential': { name: 'LeaseError', code: 'denied', unsure: false },
  'rejects our token': { name: 'ProviderBlocked', because: 'TokenRejected' },
  'lacks a permission': { name: 'LeaseError', code: 'invalid', unsure: false },
};

/** What a source is said to be able to do, and which troubles its provider does not know. Both are held to the truth. */
export interface Claims {
  readonly can: readonly Ability[];
  readonly never: readonly Trouble[];
  /** Troubles that strike a request which only reads: they leave nothing unsure. */
  readonly sure?: readonly Trouble[];
  /** What it presents is not on this machine: nobody can tell whether it has changed. */
  readonly presentsWhatIsElsewhere?: true;
  /** How many requests an `acquire` makes at most until the one that is in trouble. Absent: that is the first. */
  readonly requests?: number;
  /** Nobody can end a lease there. */
  readonly endless?: true;
}

export type Ability = 'renew' | 'read' | 'observe' | 'revoke' | 'search' | 'credential';
const abilities: readonly Ability[] = ['renew', 'read', 'observe', 'revoke', 'search', 'credential'];

export function sourceSuite(name: string, claims: Claims, play: () => Promise<PlayedProvider>): void {
  const troubles = (Object.keys(meanings) as Trouble[]).filter((trouble) => !claims.never.includes(trouble));
  /** A test only where all of this is claimed; nothing is ended where nothing ends. */
  const where = (needed: readonly Ability[], sentence: string, test: () => Promise<void>) => {
    if (claims.endless && needed.includes('revoke')) return;
    if (needed.every((ability) => claims.can.includes(ability))) it(sentence, test);
  };

  describe(name, () => {
    let played: PlayedProvider;
    let source: Source;
    beforeEach(async () => {
      played = await play();
      source = played.source;
    });
    afterEach(() => played.close());

    const signal = new AbortController().signal;
    const sendBy = Number.POSITIVE_INFINITY;
    const acquire = (): Promise<Acquired> => source.acquire({ signal, key: crypto.randomUUID() });
    /** What a method that is claimed to be there has answered. */
    function able<T>(answer: T | undefined): T {
      return answer ?? expect.unreachable('it cannot do what is claimed');
    }
    const failure = (answer: Promise<unknown> | undefined): Promise<LeaseError | ProviderBlocked> =>
      Promise.resolve(answer).then(
        () => expect.unreachable('it was answered'),
        (error: unknown) => error as LeaseError | ProviderBlocked,
      );

    function expectNoValues(of: unknown, ...materials: readonly Material[]): void {
      const text = of instanceof Error ? `${of.message} ${of.stack} ${JSON.stringify(of)}` : JSON.stringify(of);
      const values = materials.flatMap((material) => material.keys().map((key) => material.reveal(key) ?? ''));
      for (const value of [...values, ...played.credentials]) expect(text).not.toContain(value);
    }

    it('can do what is said of it, and knows no other troubles', () => {
      expect(abilities.filter((ability) => source[ability] !== undefined)).toEqual(claims.can);
      expect(troubles.filter((trouble) => !played.troubles[trouble])).toEqual([]);
      expect(claims.never.filter((trouble) => played.troubles[trouble])).toEqual([]);
      expect(played.endOutside === undefined).toBe(claims.endless === true);
    });

    it('takes a lease that is alive, with its dates in order and values that are let in', async () => {
      const { lease, material } = await acquire();
      const now = played.clock.now();
      expect(Math.abs(lease.issuedAt - now)).toBeLessThan(2_000);
      expect(endOf(lease)).toBeGreaterThan(now);
      expect(lease.maxExpiresAt ?? Number.POSITIVE_INFINITY).toBeGreaterThanOrEqual(lease.expiresAt ?? 0);
      expect(material.keys().length).toBeGreaterThan(0);
      await expect(played.accepts(material)).resolves.toBe(true);
    });

    it('tells nothing of its values in what it says of a lease', async () => {
      const { lease, material } = await acquire();
      expect(lease.id).toMatch(/^[\x21-\x7e]{1,200}$/);
      expectNoValues(lease, material);
    });

    it('takes a successor that lives beside its predecessor', async () => {
      const first = await acquire();
      played.succeed?.();
      const second = await source.acquire({ signal, key: crypto.randomUUID(), predecessor: first.lease });
      expect(second.lease.id).not.toBe(first.lease.id);
      await expect(played.accepts(first.material)).resolves.toBe(true);
      await expect(played.accepts(second.material)).resolves.toBe(true);
    });

    it('knows the time of the provider as well as it says', async () => {
      await acquire();
      expect(Math.abs(source.clock.now() - played.clock.now())).toBeLessThanOrEqual(source.uncertainty() + 50);
    });

    it.each(troubles)('says what it means that the provider %s', async (trouble) => {
      const { lease, material } = await acquire();
      await played.troubles[trouble]?.();
      const before = played.requests();
      const call = { key: crypto.randomUUID(), signal: trouble === 'hangs' ? AbortSignal.timeout(150) : signal };
      const error = await failure(source.acquire({ ...call, predecessor: lease }));
      const { unsure, ...meaning } = meanings[trouble] as { unsure?: boolean };
      expect(error).toMatchObject(
        unsure && claims.sure?.includes(trouble) ? { ...meaning, unsure: false } : meanings[trouble],
      );
      if (error instanceof ProviderBlocked) expect(error.until).toBeGreaterThan(source.clock.now());
      expectNoValues(error, material);
      // No request is ever repeated on its own.
      expect(played.requests() - before).toBeLessThanOrEqual(claims.requests ?? 1);
    });

    it('is sure that nothing happened where nobody listens', async () => {
      await acquire();
      await played.troubles.down?.();
      // The first may still be sent into a connection that is about to break.
      await failure(acquire());
      expect(await failure(acquire())).toMatchObject({ name: 'LeaseError', code: 'unavailable', unsure: false });
    });

    it('gives every call up soon after its signal aborts', async () => {
      const { lease, material } = await acquire();
      await played.troubles['hangs']?.();
      const aborting = () => AbortSignal.timeout(50);
      const calls = [
        source.acquire({ signal: aborting(), key: crypto.randomUUID() }),
        source.renew?.(lease, { signal: aborting(), material, sendBy }),
        source.observe?.(lease, { signal: aborting() }),
        claims.endless ? undefined : source.revoke?.(lease, { signal: aborting(), material }),
        source.search?.({ since: 0, known: [] }, { signal: aborting() }),
      ].filter((call) => call !== undefined);
      // All at once: who reads a file first is not the first to give up.
      for (const error of await Promise.all(calls.map(failure))) {
        expect(error).toMatchObject({ name: 'LeaseError', code: 'unavailable' });
      }
    });

    where(
      ['renew'],
      'renews to where the arithmetic on the lease says, and the values go on being let in',
      async () => {
        const { lease, material } = await acquire();
        played.pass((endOf(lease) - lease.issuedAt) / 2);
        const predicted = renewedExpiry(lease, source.clock.now());
        const renewed = able(await source.renew?.(lease, { signal, material, sendBy }));
        expect(predicted).toBeDefined();
        expect(Math.abs(endOf(renewed.lease) - (predicted ?? 0))).toBeLessThan(3_000);
        expect({ ...renewed.lease, expiresAt: 0 }).toEqual({ ...lease, expiresAt: 0 });
        played.pass(endOf(lease) - played.clock.now() + 1_000);
        await expect(played.accepts(renewed.material ?? material)).resolves.toBe(true);
      },
    );

    where(['renew'], 'keeps the values from before a renewal alive until the end they had', async () => {
      const { lease, material } = await acquire();
      played.pass((endOf(lease) - lease.issuedAt) / 2);
      able(await source.renew?.(lease, { signal, material, sendBy }));
      await expect(played.accepts(material)).resolves.toBe(true);
    });

    where(['renew'], 'does not send a renewal that might not land any more', async () => {
      const { lease, material } = await acquire();
      const before = played.requests();
      const error = await failure(source.renew?.(lease, { signal, material, sendBy: source.clock.now() - 1 }));
      expect(error).toMatchObject({ name: 'LeaseError', code: 'unavailable', unsure: false });
      expect(played.requests()).toBe(before);
    });

    const ending = claims.endless ? () => undefined : it;
    ending('says that a lease is gone which somebody else has ended', async () => {
      const acquired = await acquire();
      const { lease, material } = acquired;
      await played.endOutside?.(acquired);
      await expect(played.accepts(material)).resolves.toBe(false);
      if (source.observe) await expect(source.observe(lease, { signal })).resolves.toEqual({ is: 'gone' });
      if (source.renew) {
        const error = await failure(source.renew(lease, { signal, material, sendBy }));
        expect(error).toMatchObject({ name: 'LeaseError', code: 'gone' });
      }
      if (source.revoke) await expect(source.revoke(lease, { signal, material })).resolves.toBe('ended');
    });

    where(['observe'], 'observes what it acquired, to the millisecond', async () => {
      const { lease } = await acquire();
      await expect(source.observe?.(lease, { signal })).resolves.toEqual({ is: 'held', lease });
    });

    where(['renew', 'observe'], 'observes where a renewal landed whose answer was lost', async () => {
      const { lease, material } = await acquire();
      await played.troubles['cuts after the work']?.();
      const error = await failure(source.renew?.(lease, { signal, material, sendBy }));
      expect(error).toMatchObject({ name: 'LeaseError', code: 'unavailable', unsure: true });
      const seen = await source.observe?.(lease, { signal });
      if (seen?.is !== 'held') return expect.unreachable(`observed ${seen?.is}`);
      expect(endOf(seen.lease)).toBe(renewedExpiry(lease, source.clock.now()));
    });

    where(['revoke'], 'ends a lease, twice with success, and its values are not let in any more', async () => {
      const { lease, material } = await acquire();
      played.makeWay?.();
      await expect(source.revoke?.(lease, { signal, material })).resolves.toBe('ended');
      await expect(source.revoke?.(lease, { signal, material })).resolves.toBe('ended');
      played.untilEnded?.();
      await expect(played.accepts(material)).resolves.toBe(false);
      await expect(source.revoke?.(lease, { signal, material })).resolves.toBe('ended');
    });

    where(['revoke'], 'ends a lease also without its values, or says that it was left', async () => {
      const { lease, material } = await acquire();
      played.makeWay?.();
      const outcome = able(await source.revoke?.(lease, { signal }));
      played.untilEnded?.();
      await expect(played.accepts(material)).resolves.toBe(outcome === 'left');
    });

    where(
      ['search', 'revoke'],
      'finds the lease that it took without hearing of it, and none that is known',
      async () => {
        const known = await acquire();
        const since = source.clock.now();
        await played.troubles['cuts after the work']?.();
        await failure(acquire());
        const found = await source.search?.({ since, known: [known.lease.id] }, { signal });
        expect(found).toHaveLength(1);
        const [lost] = found as [Lease];
        expect(endOf(lost)).toBeGreaterThan(source.clock.now());
        await source.revoke?.(lost, { signal });
        await expect(source.search?.({ since, known: [known.lease.id] }, { signal })).resolves.toEqual([]);
      },
    );

    where(['read'], 'reads what it acquired', async () => {
      const { lease, material } = await acquire();
      const again = able(await source.read?.(lease, { signal }));
      expect(again.keys()).toEqual(material.keys());
      for (const key of again.keys()) expect(again.reveal(key)).toBe(material.reveal(key));
    });

    where(
      ['credential'],
      'fingerprints the credential it would present: another for another one, and never the thing itself',
      async () => {
        const before = able(await source.credential?.());
        expect(await source.credential?.()).toBe(before);
        expectNoValues(before);
        expect(played.changeCredential === undefined).toBe(claims.presentsWhatIsElsewhere === true);
        played.changeCredential?.();
        if (played.changeCredential) expect(await source.credential?.()).not.toBe(before);
        await expect(acquire()).resolves.toHaveProperty('lease');
      },
    );
  });
}
