/** The client of one issuer in one process: the source port, with every call at the mercy of the world. */
import { LeaseError, ProviderBlocked } from '../../src/core/failure.ts';
import type { Lease } from '../../src/core/lease.ts';
import { Material } from '../../src/core/material.ts';
import type { Holding } from '../../src/core/record.ts';
import type { Kinds } from '../../src/core/rules.ts';
import { type Clock, type Duration, type Instant, seconds } from '../../src/core/time.ts';
import type { Call, RenewCall, RevokeCall, Source } from '../../src/sources/source.ts';
import type { Chaos } from './chaos.ts';
import type { House } from './house.ts';
import { never, type Word } from './issued.ts';
import type { Issuer } from './issuer.ts';
import type { Life } from './life.ts';
import { shortestRenewal } from './nature.ts';
import { backAfter, type Rations, TooMany } from './rations.ts';

export interface Door {
  readonly house: House;
  readonly issuer: Issuer;
  readonly life: Life;
  readonly chaos: Chaos;
  /** The truth. */
  readonly now: () => Instant;
  /** Our idea of the provider's time. */
  readonly clock: Clock;
  readonly uncertainty: () => Duration;
  readonly knowsTime: () => boolean;
  /** An answer came that was asked for then, and was given then. */
  readonly heard: (sentAt: Instant, answeredAt: Instant) => void;
  /** The access token to be shown. Absent: none is wanted. */
  readonly token?: () => (Holding & { readonly material: Material }) | undefined;
  readonly tokenRejected: (token: Holding) => void;
  /** An acquire that was begun then is about to be sent, or has reached the provider. */
  readonly onAcquire: (what: 'sent' | 'arrived', begunAt: Instant) => void;
  readonly onRejected: () => void;
  /** Absent: nobody limits anything. */
  readonly rations?: Rations;
}

export function clientOf(door: Door): Source {
  const { house, issuer, life, chaos, clock, token, onAcquire } = door;
  const { nature } = issuer;
  const { canObserve, canSearch, observeEvery, renewal, kind } = nature;

  async function ask<T>(
    act: string,
    { signal }: Call,
    effect: (isAwaited: boolean) => T,
    beforeSending?: () => void,
  ): Promise<T> {
    const shown = token?.();
    if (token && !shown) throw new ProviderBlocked('NoToken', clock.now() + seconds(60));
    // What gets a token is asked for elsewhere than what is had with it.
    const route = kind === 'token' ? `token ${act}` : act;
    const ration = door.rations?.begin(route, act, clock.now() - door.now());
    let isRejected = false;
    let answeredAt = 0;
    const sentAt = door.now();
    const authorized = (isAwaited: boolean) => {
      answeredAt = door.now();
      ration?.arrive(isAwaited);
      isRejected = shown !== undefined && !house.tokens?.accepts(shown.material.reveal('value') ?? '');
      if (isRejected) throw new ProviderBlocked('TokenRejected', clock.now() + seconds(5));
      return effect(isAwaited);
    };
    try {
      const answer = await chaos.call({
        life,
        place: `call/${issuer.name}`,
        within: [`provider/${house.name}`, `${act}/${house.name}`],
        hung: `hang/${house.name}`,
        isDispensable: act !== 'acquire',
        who: issuer.name,
        signal,
        effect: authorized,
        limit: { isOn: () => house.isLimiting(act), say: () => house.limit(act) },
        ...(beforeSending && { beforeSending }),
      });
      door.heard(sentAt, answeredAt);
      return answer;
    } catch (error) {
      if (error instanceof TooMany) throw new ProviderBlocked('RetryAfter', backAfter(error, clock.now()), act);
      if (error instanceof ProviderBlocked && error.because === 'TokenRejected' && shown) door.tokenRejected(shown);
      if (error instanceof LeaseError && error.code === 'denied') door.onRejected();
      if (error instanceof LeaseError && error.unsure && kind === 'token' && act === 'acquire') house.unheard();
      throw error;
    } finally {
      ration?.hear();
    }
  }

  /** Lifetimes are counted from what we take the provider's time to be; it may have lied about that. */
  const ahead = () => (kind === 'token' && house.hasLied ? clock.now() - door.now() : house.skew);
  const leaseOf = (word: Word): Lease => {
    if (word.issued.told?.end !== word.expiresAt) word.issued.told = { end: word.expiresAt, at: door.now() };
    return datesOf(word);
  };
  const datesOf = ({ issued, expiresAt }: Word): Lease => ({
    id: issued.id,
    issuedAt: issued.issuedAt + ahead(),
    ...(expiresAt !== never && { expiresAt: expiresAt + ahead() }),
    ...(kind === 'iam' && { repeats: true as const }),
    ...(issued.maxExpiresAt !== never && !nature.isWallHidden && { maxExpiresAt: issued.maxExpiresAt + ahead() }),
    ...(renewal &&
      nature.ttl && {
        renewal: {
          from: renewal.from,
          by: nature.ttl,
          atLeast: renewal.from === 'expiry' ? shortestRenewal : seconds(1),
          canShorten: renewal.canShorten,
        },
      }),
  });
  const materialOf = ({ value }: Word) => new Material({ value });

  return {
    clock,
    uncertainty: door.uncertainty,
    knowsTime: door.knowsTime,
    ...(house.limitsByKind && { kinds }),
    acquire: async (call) => {
      const begunAt = door.now();
      const arrive = () => {
        onAcquire('arrived', begunAt);
        if (kind === 'token') house.login(nature.uses);
        return issuer.acquire(call.key);
      };
      const word = await ask('acquire', call, arrive, () => onAcquire('sent', begunAt));
      return { lease: leaseOf(word), material: materialOf(word) };
    },
    ...(renewal && {
      renew: async (lease: Lease, call: RenewCall) => {
        const ttl = nature.ttl ?? 0;
        const room = renewal.canShorten ? (lease.maxExpiresAt ?? never) - (lease.expiresAt ?? never) : ttl;
        const word = await ask(
          'renew',
          call,
          (isAwaited) => issuer.renew(lease.id, isAwaited, renewal.from === 'expiry' ? Math.min(ttl, room) : ttl),
          () => {
            if (clock.now() > call.sendBy) throw new LeaseError('unavailable', 'too late to be sent');
          },
        ).catch((error: unknown) => {
          if (error instanceof LeaseError && error.code === 'gone') issuer.hear(lease.id);
          throw error;
        });
        return { lease: leaseOf(word), ...(word.isChanged && { material: materialOf(word) }) };
      },
    }),
    ...(canObserve && {
      observe: (lease, call) =>
        ask('observe', call, () => {
          const word = issuer.observe(lease.id);
          return word ? { is: 'held' as const, word } : { is: 'gone' as const };
        }).then((seen) => {
          if (seen.is !== 'gone') return { is: seen.is, lease: leaseOf(seen.word) };
          issuer.hear(lease.id);
          return seen;
        }),
    }),
    ...(kind !== 'iam' && {
      revoke: (lease: Lease, call: RevokeCall) => {
        if (kind === 'token' && !call.material) return Promise.resolve('left' as const);
        return ask('revoke', call, () => {
          issuer.revoke(lease.id);
          return 'ended' as const;
        });
      },
    }),
    ...(canSearch && {
      search: ({ since, known }, call) =>
        ask('search', call, () => issuer.search(since - house.skew, known).map(datesOf)),
    }),
    ...(observeEvery !== undefined && { observeEvery: () => observeEvery }),
    ...(kind === 'token' && {
      renewsByValue: true,
      credential: () => Promise.resolve(`credential ${house.credential}`),
    }),
  };
}

const kinds: Kinds = {
  acquire: ['acquire'],
  observe: ['observe'],
  renew: ['renew'],
  retire: ['revoke'],
  search: ['search'],
};

/** A clock that is nearly the provider's: off by less than it admits, and by something else in each process. */
export function nearly(house: House, truth: Clock, error: number): Clock {
  return { now: () => Math.round(truth.now() + house.skew + error * house.uncertainty) };
}
