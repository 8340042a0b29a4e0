/** Whether what a file asks for fits through what its providers take. */
import { describe, expect, it } from 'vitest';
import { load } from './build.ts';

const universal = 'auth: { method: universal, clientId: me, clientSecret: { env: CLIENT_SECRET } }';
const infisical = (more = '', url = 'https://infisical.test') =>
  `providers:\n  main: { type: infisical, url: "${url}", ${universal}${more} }\n`;
const sink = (i: number) => `    sinks: [{ type: file, path: /s/${i}, format: json }]\n`;

/** So many of them, one like the other. */
const many = (count: number, source: string, more = ''): string =>
  Array.from(
    { length: count },
    (_, i) => `  s${i}:\n    source: { provider: main, ${source.replaceAll('#', `${i}`)} }\n${more}${sink(i)}`,
  ).join('');

const dynamic = (ttl: string) => `type: infisical/dynamic-secret, project: shop, environment: prod, name: "db#"${ttl}`;
const folder = (path: string, poll = '1m') =>
  `type: infisical/secrets, project: shop, environment: prod, secretPath: ${path}, poll: ${poll}`;

function warnings(providers: string, secrets: string): readonly string[] {
  const result = load({ providers, secrets });
  if (!result.ok) return expect.unreachable(JSON.stringify(result.problems.slice(0, 3)));
  return result.warnings.map(({ line, path, message, remedy }) => `${line} ${path}: ${message}; ${remedy}`);
}

const rate = (perMinute: number): string => `, rate: { requestsPerMinute: ${perMinute} }`;

describe('a configured rate', () => {
  it('is warned of where the secrets of the provider need more than comes through for good', () => {
    // Of ten minutes 62% go by on average: one renewal and one look at the lease in that time.
    const secrets = many(100, dynamic(', ttl: 10m'));
    expect(warnings(infisical(rate(40)), secrets)).toEqual([
      '3 providers.main.rate.requestsPerMinute: its secrets need about 33 requests a minute, and 30 come through for good; raise it, or ask less often, by a longer ttl or poll',
    ]);
    expect(warnings(infisical(rate(44)), secrets)).toEqual([]);
  });

  it('is counted with what the policy says of a term', () => {
    const secrets = (policy: string) => many(100, dynamic(', ttl: 10m'), `    policy: ${policy}\n`);
    expect(warnings(infisical(rate(60)), secrets('{ renewAt: 50%, jitter: 0% }'))).toEqual([]);
    expect(warnings(infisical(rate(60)), secrets('{ renewAt: 30%, jitter: 0% }'))).toHaveLength(1);
    expect(warnings(infisical(rate(30)), secrets('{ renewBefore: 1m, jitter: 0% }'))).toEqual([]);
    expect(warnings(infisical(rate(30)), secrets('{ renewBefore: 9m, jitter: 0% }'))).toHaveLength(1);
  });

  it('is not judged by leases whose length only the provider knows', () => {
    expect(warnings(infisical(rate(1)), many(100, dynamic('')))).toEqual([]);
  });

  it('counts a folder once, by who asks for it most often, and each other folder', () => {
    expect(warnings(infisical(rate(2)), many(100, folder('/app')))).toEqual([]);
    const often = `${many(1, folder('/app', '10s'))}${many(2, folder('/app')).slice(many(1, folder('/app')).length)}`;
    expect(warnings(infisical(rate(8)), often)).toEqual([]);
    expect(warnings(infisical(rate(7)), often)).toEqual([]);
    expect(warnings(infisical(rate(6)), often)).toHaveLength(1);
    expect(warnings(infisical(rate(60)), many(100, folder('/app#')))).toHaveLength(1);
  });

  it('is judged by the secrets of that provider alone', () => {
    const other = `${infisical(rate(1))}  other: { type: infisical, url: "https://other.test", ${universal} }\n`;
    const secrets = many(100, folder('/app#')).replaceAll('provider: main', 'provider: other');
    expect(warnings(other, secrets)).toEqual([]);
  });

  it('is judged at Yandex Cloud as well', () => {
    const yc = (perMinute: number) =>
      `providers:\n  main: { type: yandex, auth: { method: metadata }${rate(perMinute)} }\n`;
    const secrets = many(20, 'type: yandex/lockbox, secretId: "e6q#"');
    expect(warnings(yc(20), secrets)).toHaveLength(1);
    expect(warnings(yc(40), secrets)).toEqual([]);
  });
});

describe('the cloud of Infisical', () => {
  it.each(['https://app.infisical.com', 'https://eu.infisical.com'])(
    '%s takes so many of each kind by default',
    (url) => {
      const secrets = many(50, folder('/app#'));
      expect(warnings(infisical('', url), secrets)).toEqual([
        '3 providers.main.url: its secrets need about 50 requests a minute of one kind (secret-list), and it takes 40 by default; be sure that your plan allows more, or ask less often, by a longer ttl or poll',
      ]);
      expect(warnings(infisical(rate(200), url), secrets)).toHaveLength(1);
      expect(warnings(infisical('', url), many(40, folder('/app#')))).toEqual([]);
    },
  );

  it('is told from others, who limit nobody', () => {
    expect(warnings(infisical('', 'https://infisical.com.test'), many(50, folder('/app#')))).toEqual([]);
  });
});
