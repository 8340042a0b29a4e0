/** The secrets of a run: how long their leases live, where they go, and who is told. Long lives for long runs, short ones for short. */
import { type Duration, minutes, seconds } from '../../src/core/time.ts';
import type { SandboxSpec } from '../sandbox/infisical/spec.ts';

export interface SinkPlan {
  readonly file: string;
  readonly format: 'dotenv' | 'json' | 'raw';
  /** Of this sink alone. */
  readonly reload: readonly ('signal' | 'exec')[];
}

export interface SecretPlan {
  readonly name: string;
  /**
   * A leased account, real in a Redis or in the sandbox's memory; a token of this identity; or the current version of a
   * store, which we rotate, or which others make anew.
   */
  readonly kind: 'redis' | 'memory' | 'token' | 'rotated' | 'followed';
  /** Of a version: how long until the next. */
  readonly ttl: Duration;
  /** Absent: renewed for ever. */
  readonly maxTtl?: Duration;
  readonly isExclusive?: boolean;
  readonly sinks: readonly SinkPlan[];
  /** Of the whole secret; its program reads the first sink. */
  readonly reload: readonly ('signal' | 'exec')[];
}

export interface Lives {
  readonly secrets: readonly SecretPlan[];
  /** Of the daemon's own token. */
  readonly keeper: { readonly ttl: Duration; readonly maxTtl: Duration };
  readonly grace: Duration;
  readonly renewAt: number;
  readonly store: {
    /** So long after we schedule it a version is destroyed; and so long after its successor, where others do. */
    readonly pending: Duration;
    readonly notice: Duration;
    /** Of the daemon's own token there. */
    readonly tokenLife: Duration;
  };
  /** The longest that one blow lasts, and the shortest peace that a struck provider is given after it. */
  readonly longestBlow: Duration;
  readonly peace: Duration;
  readonly between: readonly [Duration, Duration];
}

export const longLives: Lives = {
  keeper: { ttl: minutes(2), maxTtl: minutes(10) },
  grace: seconds(5),
  renewAt: 40,
  longestBlow: seconds(10),
  peace: seconds(6),
  between: [seconds(2), seconds(7)],
  store: { pending: seconds(1), notice: seconds(40), tokenLife: minutes(2) },
  secrets: secretsOf({
    orders: [60, 240],
    ledger: [75, 150],
    archive: [120, 300],
    badge: [90, 400],
    pass: [80],
    // Nothing is taken more than eight times in five minutes.
    seal: [100],
    notice: [80],
  }),
};

/** So short that within half a minute each is renewed several times, and some are replaced at their wall. */
export const shortLives: Lives = {
  keeper: { ttl: seconds(60), maxTtl: minutes(5) },
  grace: seconds(3),
  renewAt: 35,
  longestBlow: seconds(2),
  peace: seconds(3),
  between: [seconds(1.5), seconds(4)],
  store: { pending: seconds(1), notice: seconds(12), tokenLife: seconds(30) },
  secrets: secretsOf({
    orders: [16, 32],
    ledger: [20, 60],
    archive: [40, 120],
    badge: [40, 120],
    pass: [30],
    seal: [10],
    notice: [11],
  }),
};

type Life = readonly [ttl: number, maxTtl?: number];

type Name = 'orders' | 'ledger' | 'archive' | 'badge' | 'pass' | 'seal' | 'notice';

function secretsOf(lives: Record<Name, Life>): readonly SecretPlan[] {
  const life = ([ttl, maxTtl]: Life) => ({
    ttl: seconds(ttl),
    ...(maxTtl !== undefined && { maxTtl: seconds(maxTtl) }),
  });
  return [
    {
      name: 'orders',
      kind: 'redis',
      ...life(lives.orders),
      sinks: [{ file: 'orders.env', format: 'dotenv', reload: [] }],
      reload: ['signal'],
    },
    {
      name: 'ledger',
      kind: 'memory',
      ...life(lives.ledger),
      isExclusive: true,
      sinks: [{ file: 'ledger.json', format: 'json', reload: ['exec'] }],
      reload: [],
    },
    {
      name: 'archive',
      kind: 'memory',
      ...life(lives.archive),
      sinks: [
        { file: 'archive.json', format: 'json', reload: [] },
        { file: 'archive.password', format: 'raw', reload: ['signal'] },
      ],
      // In this order: while the program is not there yet, the first fails and the second is not run.
      reload: ['signal', 'exec'],
    },
    {
      name: 'badge',
      kind: 'token',
      ...life(lives.badge),
      sinks: [{ file: 'badge.token', format: 'raw', reload: ['signal'] }],
      reload: [],
    },
    {
      name: 'pass',
      kind: 'token',
      ...life(lives.pass),
      sinks: [{ file: 'pass.json', format: 'json', reload: [] }],
      reload: ['exec'],
    },
    {
      name: 'seal',
      kind: 'rotated',
      ...life(lives.seal),
      sinks: [{ file: 'seal.json', format: 'json', reload: ['signal'] }],
      reload: [],
    },
    {
      name: 'notice',
      kind: 'followed',
      ...life(lives.notice),
      sinks: [{ file: 'notice.env', format: 'dotenv', reload: [] }],
      reload: ['signal'],
    },
  ];
}

export const isVersion = ({ kind }: SecretPlan): boolean => kind === 'rotated' || kind === 'followed';
export const isLeased = ({ kind }: SecretPlan): boolean => kind === 'redis' || kind === 'memory';

const text = (length: Duration): string => `${length / 1000}s`;
const inSeconds = (length: Duration): number => length / 1000;

/** The client secret of an identity, and its client id: the sandbox is restarted, and must know them again. */
export const identityOf = (name: string) => ({ clientId: `client-of-${name}`, clientSecret: `secret-of-${name}` });

/** What the sandbox is made of, with the ids that a restart needs. */
export function sandboxOf(
  { secrets, keeper }: Lives,
  more: Pick<SandboxSpec, 'port' | 'targets' | 'stateFile' | 'flavour'>,
): SandboxSpec {
  const identity = (name: string, { ttl, maxTtl }: { ttl: Duration; maxTtl?: Duration }) => {
    const { clientId, clientSecret } = identityOf(name);
    return {
      name,
      id: `identity-${name}`,
      clientId,
      clientSecrets: [{ id: `client-secret-${name}`, secret: clientSecret }],
      accessTokenTTL: inSeconds(ttl),
      accessTokenMaxTTL: maxTtl === undefined ? inSeconds(ttl) : inSeconds(maxTtl),
      ...(maxTtl === undefined && { accessTokenPeriod: inSeconds(ttl) }),
    };
  };
  const tokens = secrets.filter(({ kind }) => kind === 'token');
  return {
    ...more,
    minimumTtl: seconds(1),
    projects: [{ slug: 'shop', id: '11111111-1111-4111-8111-111111111111' }],
    identities: [identity('keeper', keeper), ...tokens.map((secret) => identity(secret.name, secret))],
    dynamicSecrets: secrets.filter(isLeased).map(({ name, kind, ttl, maxTtl }, i) => ({
      name,
      id: `22222222-2222-4222-8222-22222222222${i}`,
      type: kind === 'redis' ? kind : ('memory' as const),
      defaultTTL: text(ttl),
      maxTTL: maxTtl === undefined ? null : text(maxTtl),
    })),
  };
}
