/** Every source we ship, against the suite. */
import { describe, expect, it } from 'vitest';
import { sources } from '../../src/sources/index.ts';
import { infisicalAccessToken, infisicalDynamicSecret } from './fixtures/infisical-sandbox.ts';
import { type Claims, sourceSuite } from './source-suite.ts';

const fixtures: Readonly<Record<string, readonly [Claims, typeof infisicalAccessToken]>> = {
  'infisical/access-token': [
    { can: ['renew', 'revoke', 'credential'], never: ['rejects our token', 'lacks a permission'] },
    infisicalAccessToken,
  ],
  'infisical/dynamic-secret': [
    { can: ['renew', 'observe', 'revoke', 'search'], never: ['rejects our credential'] },
    infisicalDynamicSecret,
  ],
};

const servers = [
  { flavour: '2025', skew: 0 },
  { flavour: '2026', skew: 600_000 },
  { flavour: '2025', skew: -90_000 },
] as const;

for (const [type, [claims, fixture]] of Object.entries(fixtures)) {
  for (const server of servers) {
    sourceSuite(`${type} of a server of ${server.flavour}, ${server.skew / 1_000} s ahead`, claims, () =>
      fixture(server),
    );
  }
}

describe('the list of sources', () => {
  it('has a fixture for each', () => {
    expect(Object.keys(fixtures)).toEqual(sources.map(({ type }) => type));
  });
});
