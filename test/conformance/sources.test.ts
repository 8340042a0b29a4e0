/** Every source we ship, against the suite. */
import { describe, expect, it } from 'vitest';
import { sources } from '../../src/sources/index.ts';
import { inKubernetes, inLdap, onAws, onAzure, onGcp, withJwt, withOidc } from '../sandbox/machines/places.ts';
import {
  infisicalAccessToken,
  infisicalDynamicSecret,
  infisicalLoginFrom,
  infisicalSecrets,
  infisicalSecretsGenerated,
} from './fixtures/infisical-sandbox.ts';
import { yandexIamToken, yandexLockbox, yandexLockboxGenerated } from './fixtures/yandex-sandbox.ts';
import { type Claims, meanings, type PlayedProvider, sourceSuite, type Trouble } from './source-suite.ts';

/** One source at one kind of server. */
interface Played {
  readonly type: string;
  readonly at: string;
  readonly claims: Claims;
  play(): Promise<PlayedProvider>;
}

const infisical = [
  { flavour: '2025', skew: 0 },
  { flavour: '2026', skew: 600_000 },
  { flavour: '2025', skew: -90_000 },
] as const;

const yandex = [
  { defaults: 'omitted', skew: 0 },
  { defaults: 'printed', skew: 600_000 },
  { defaults: 'omitted', skew: -90_000 },
] as const;

const ahead = (skew: number): string => `${skew / 1_000} s ahead`;

const atInfisical = (type: string, claims: Claims, fixture: typeof infisicalAccessToken, how = ''): readonly Played[] =>
  infisical.map((server) => ({
    type,
    at: `of a server of ${server.flavour}, ${ahead(server.skew)}${how}`,
    claims,
    play: () => fixture(server),
  }));

const atYandex = (type: string, claims: Claims, fixture: typeof yandexIamToken, how = 'had'): readonly Played[] =>
  yandex.map((server) => ({
    type,
    at: `${how} at servers with defaults ${server.defaults}, ${ahead(server.skew)}`,
    claims,
    play: () => fixture(server),
  }));

const ofLogins: Claims = { can: ['renew', 'revoke', 'credential'], never: ['rejects our token', 'lacks a permission'] };
const fromElsewhere: Claims = { ...ofLogins, presentsWhatIsElsewhere: true };

/** By each login once: what they have in common is tried at every server by Universal Auth. */
const logins: readonly Played[] = (
  [
    ['kubernetes', ofLogins, inKubernetes, '2026', 600_000],
    ['aws', fromElsewhere, onAws, '2025', -90_000],
    ['gcp of a machine', fromElsewhere, onGcp, '2026', 600_000],
    ['gcp with a key', ofLogins, (around) => onGcp(around, 'key'), '2025', -90_000],
    ['azure', ofLogins, (around) => onAzure(around, 'workload'), '2026', 600_000],
    ['oidc', ofLogins, withOidc, '2025', 0],
    ['jwt', ofLogins, withJwt, '2026', -90_000],
    ['ldap', ofLogins, inLdap, '2025', 600_000],
  ] satisfies readonly [string, Claims, Parameters<typeof infisicalLoginFrom>[0], '2025' | '2026', number][]
).map(([login, claims, from, flavour, skew]) => ({
  type: 'infisical/access-token',
  at: `by ${login}, of a server of ${flavour}, ${ahead(skew)}`,
  claims,
  play: () => infisicalLoginFrom(from)({ flavour, skew }),
}));

const all = [
  ...atInfisical('infisical/access-token', ofLogins, infisicalAccessToken),
  ...logins,
  ...atInfisical(
    'infisical/dynamic-secret',
    { can: ['renew', 'observe', 'revoke', 'search'], never: ['rejects our credential'] },
    infisicalDynamicSecret,
  ),
  ...atInfisical(
    'infisical/secrets',
    {
      can: ['read', 'observe'],
      never: ['rejects our credential'],
      sure: Object.keys(meanings) as Trouble[],
      endless: true,
    },
    infisicalSecrets,
  ),
  ...atInfisical(
    'infisical/secrets',
    {
      can: ['read', 'observe', 'revoke'],
      never: ['rejects our credential'],
      requests: 3,
      sure: ['hangs'],
      endless: true,
    },
    infisicalSecretsGenerated,
    ' with values of ours',
  ),
  ...atYandex(
    'yandex/iam-token',
    { can: ['credential'], never: ['rejects our token', 'lacks a permission'] },
    yandexIamToken,
  ),
  ...atYandex(
    'yandex/lockbox',
    { can: ['read', 'observe'], never: ['rejects our credential'], sure: Object.keys(meanings) as Trouble[] },
    yandexLockbox,
  ),
  ...atYandex(
    'yandex/lockbox',
    { can: ['read', 'observe', 'revoke'], never: ['rejects our credential'], sure: ['hangs'], requests: 3 },
    yandexLockboxGenerated,
    'generated',
  ),
];

for (const { type, at, claims, play } of all) sourceSuite(`${type} ${at}`, claims, play);

describe('the list of sources', () => {
  it('has a fixture for each', () => {
    expect([...new Set(all.map(({ type }) => type))]).toEqual(sources.map(({ type }) => type));
  });
});
