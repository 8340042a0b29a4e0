/** Leases and logins that were taken sooner than the age of the one before asked for: the price of the blows. */
import type { Instant } from '../../src/core/time.ts';
import { seconds } from '../../src/core/time.ts';
import type { LeaseBook, TokenBook } from '../sandbox/infisical/books.ts';
import { type Detail, type Evidence, planOf, windowOf } from './judge.ts';
import { identityOf } from './lives.ts';
import { clockTime, type Timeline } from './timeline.ts';

export interface Waste {
  readonly what: string;
  readonly early: readonly Detail[];
  /** Of which the answer never arrived: somebody else's blow. */
  readonly lost: number;
}

/** What two clocks, and a look that is due, may be apart. */
const slack = seconds(2);

export function earlyLeases({ lives, books, timeline, passages }: Evidence): readonly Waste[] {
  return lives.secrets
    .filter(({ kind }) => kind !== 'token')
    .map((plan) => {
      const leases = books.leases.filter((lease) => planOf(lives, lease) === plan);
      const sorted = leases.sort((a, b) => a.createdAt - b.createdAt);
      const early = sorted.filter((lease, i) => {
        const before = sorted[i - 1];
        if (before === undefined) return false;
        const jitter = plan.ttl * 0.1;
        return lease.createdAt < dueAt(before, lease.createdAt, lives.grace, jitter) - slack;
      });
      const isTaking = ({ path, method }: { path: string; method: string }) =>
        method === 'POST' && path.endsWith('/dynamic-secrets/leases');
      const lost = passages.filter((one) => isTaking(one) && one.subject === plan.name && isLost(one)).length;
      return {
        what: plan.name,
        early: early.map((one) => detail(timeline, one.createdAt, `a lease of ${plan.name}`)),
        lost,
      };
    });
}

const isLost = ({ forwarded, delivered }: { forwarded: boolean; delivered: boolean }) => forwarded && !delivered;

/** From when on a successor was wanted: a grace before the wall, or where the end was near and the lease not renewed. */
function dueAt(lease: LeaseBook, asked: Instant, grace: number, jitter: number): Instant {
  const { createdAt, maxExpireAt, endedAt, renewals } = lease;
  const renewal = renewals.filter(({ at }) => at <= asked).at(-1);
  const first = renewals[0] === undefined ? lease.expireAt : undefined;
  const term = (maxExpireAt ?? lease.expireAt) - createdAt;
  // The end as it was then: additive renewals, so that of the first term is found by going back.
  const expireAt = renewal?.expireAt ?? first ?? createdAt + term;
  const window = windowOf(expireAt - (renewal?.at ?? createdAt));
  const wallAt =
    maxExpireAt === null
      ? Number.POSITIVE_INFINITY
      : Math.max(
          createdAt + (maxExpireAt - createdAt) / 2,
          maxExpireAt - grace - windowOf(expireAt - createdAt) - jitter,
        );
  return Math.min(wallAt, expireAt - window, endedAt ?? Number.POSITIVE_INFINITY);
}

export function earlyLogins({ lives, books, timeline, passages }: Evidence): readonly Waste[] {
  const tokens = lives.secrets.filter(({ kind }) => kind === 'token');
  return [{ name: 'keeper', ...lives.keeper }, ...tokens].map(({ name, ttl, maxTtl }) => {
    const logins = books.logins.filter(({ identity, outcome }) => identity === name && outcome === 'ok');
    const early = logins.filter((login, i) => {
      const before = logins[i - 1];
      return before !== undefined && login.at < tokenDueAt(before, login.at) - slack;
    });
    const isLogin = ({ path }: { path: string }) => path.endsWith('/universal-auth/login');
    const { clientId } = identityOf(name);
    const lost = passages.filter((one) => isLogin(one) && one.subject === clientId && isLost(one)).length;
    return { what: name, early: early.map(({ at }) => detail(timeline, at, `a login of ${name}`)), lost };

    function tokenDueAt(before: TokenBook, asked: Instant): Instant {
      const renewal = books.tokenRenewals.filter(({ token, at }) => token === before.token && at <= asked).at(-1);
      const expiresAt = (renewal?.at ?? before.at) + ttl;
      // A renewal lands within the wall only where half a minute is left: behind that every one is a login.
      const wall = maxTtl === undefined ? Number.POSITIVE_INFINITY : before.at + maxTtl - ttl - seconds(40);
      return Math.min(Math.max(wall, before.at + (maxTtl ?? 0) / 2), expiresAt - windowOf(ttl));
    }
  });
}

/** With the last thing that was done to us before it. */
function detail({ blows }: Timeline, at: Instant, what: string): Detail {
  const before = blows.filter(({ from }) => from <= at).at(-1);
  const after = before === undefined ? '' : `, ${((at - before.from) / 1000).toFixed(1)} s after "${before.kind}"`;
  return { at, text: `${what} at ${clockTime(at)}${after}` };
}
