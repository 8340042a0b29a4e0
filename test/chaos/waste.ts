/** Leases and logins that were taken sooner than the age of the one before asked for: the price of the blows. */
import type { Duration, Instant } from '../../src/core/time.ts';
import { seconds } from '../../src/core/time.ts';
import type { LeaseBook, TokenBook } from '../sandbox/infisical/books.ts';
import { type Detail, type Evidence, planOf, windowOf } from './evidence.ts';
import { identityOf, isLeased, type Lives, type SecretPlan } from './lives.ts';
import type { Passage } from './proxy.ts';
import { clockTime, type Timeline } from './timeline.ts';

export interface Waste {
  readonly what: string;
  readonly early: readonly Detail[];
  /** Requests whose answer never arrived: what they took is nobody's. */
  readonly lost: number;
}

/** What two clocks, and a look that is due, may be apart. */
const slack = seconds(2);
const jitter = 10;

export function earlyLeases({ lives, books, timeline, passages }: Evidence): readonly Waste[] {
  return lives.secrets.filter(isLeased).map((plan) => {
    const leases = books.leases.filter((lease) => planOf(lives, lease) === plan);
    const sorted = [...leases].sort((a, b) => a.createdAt - b.createdAt);
    const early = sorted.filter(({ createdAt }, i) => {
      const before = sorted[i - 1];
      return before !== undefined && createdAt < leaseDueAt(before, createdAt, plan, lives) - slack;
    });
    const isTaking = ({ path, method, subject }: Passage) =>
      method === 'POST' && path.endsWith('/dynamic-secrets/leases') && subject === plan.name;
    return {
      what: plan.name,
      early: early.map(({ createdAt }) => detail(timeline, createdAt, `a lease of ${plan.name}`)),
      lost: passages.filter((one) => isTaking(one) && isLost(one)).length,
    };
  });
}

const isLost = ({ forwarded, delivered }: Passage) => forwarded && !delivered;

/** From when on a successor of this lease was wanted, as it was when it was asked for. */
function leaseDueAt(lease: LeaseBook, asked: Instant, { ttl }: SecretPlan, lives: Lives): Instant {
  const { createdAt, maxExpireAt, endedAt, renewals } = lease;
  const past = renewals.filter(({ at }) => at <= asked);
  const termStart = past.at(-1)?.at ?? createdAt;
  const expireAt = past.at(-1)?.expireAt ?? createdAt + ttl;
  const term = expireAt - termStart;
  const wall = maxExpireAt ?? Number.POSITIVE_INFINITY;
  const early = (term * jitter) / 100;
  const wallAt = Math.max(createdAt + (wall - createdAt) / 2, wall - lives.grace - windowOf(term) - early);
  // What cannot be renewed is replaced when it would have been renewed.
  const renewAt = termStart + (term * (lives.renewAt - jitter)) / 100;
  const replaceAt = wall - expireAt < ttl ? renewAt : Number.POSITIVE_INFINITY;
  return Math.min(wallAt, replaceAt, expireAt - windowOf(term), endedAt ?? Number.POSITIVE_INFINITY);
}

/** Of an identity two tokens are kept: that which is delivered, and that which its provider is asked with. */
export function earlyLogins({ lives, books, timeline, passages }: Evidence): readonly Waste[] {
  const tokens = lives.secrets.filter(({ kind }) => kind === 'token');
  return [{ name: 'keeper', ...lives.keeper }, ...tokens].map(({ name, ttl, maxTtl }) => {
    const logins = books.logins.filter(({ identity, outcome }) => identity === name && outcome === 'ok');
    const kept: TokenBook[] = [];
    const early: TokenBook[] = [];
    const renewalsOf = ({ token }: TokenBook) => books.tokenRenewals.filter((one) => one.token === token);
    const dueAt = (before: TokenBook, asked: Instant): Instant => {
      const past = renewalsOf(before).filter(({ at }) => at <= asked);
      return tokenDueAt(before.at, past.at(-1)?.at ?? before.at, { ttl, maxTtl, renewAt: lives.renewAt });
    };
    for (const login of logins) {
      // Whoever is renewed later was not replaced now.
      const replaceable = kept.filter((one) => !renewalsOf(one).some(({ at }) => at > login.at));
      const due = replaceable.filter((one) => login.at >= dueAt(one, login.at) - slack);
      const replaced = due[0] ?? (kept.length < (name === 'keeper' ? 1 : 2) ? undefined : (replaceable[0] ?? kept[0]));
      if (replaced !== undefined && due.length === 0) early.push(login);
      if (replaced !== undefined) kept.splice(kept.indexOf(replaced), 1);
      kept.push(login);
    }
    const { clientId } = identityOf(name);
    const isLogin = ({ path, subject }: Passage) => path.endsWith('/universal-auth/login') && subject === clientId;
    return {
      what: name,
      early: early.map(({ at }) => detail(timeline, at, `a login of ${name}`)),
      lost: passages.filter((one) => isLogin(one) && isLost(one)).length,
    };
  });
}

interface TokenLife {
  readonly ttl: Duration;
  readonly maxTtl: Duration | undefined;
  readonly renewAt: number;
}

function tokenDueAt(loggedInAt: Instant, termStart: Instant, { ttl, maxTtl, renewAt }: TokenLife): Instant {
  const emergencyAt = termStart + ttl - windowOf(ttl);
  if (maxTtl === undefined) return emergencyAt;
  // A renewal is asked for only where it lands half a minute before the wall; what cannot be renewed is replaced.
  const lastRenewal = loggedInAt + maxTtl - ttl - seconds(37);
  return Math.min(emergencyAt, Math.max(lastRenewal, termStart + (ttl * (renewAt - jitter)) / 100));
}

/** With the last thing that was done to us before it. */
function detail({ blows }: Timeline, at: Instant, what: string): Detail {
  const before = blows.filter(({ from }) => from <= at).at(-1);
  const after = before === undefined ? '' : `, ${((at - before.from) / 1000).toFixed(1)} s after "${before.kind}"`;
  return { at, text: `${what} at ${clockTime(at)}${after}` };
}
