import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { understand } from '../../src/config/load.ts';
import { hours, minutes } from '../../src/core/time.ts';
import { complaints, load, loaded, provider, ref, secret, source } from './build.ts';

describe('what is not written', () => {
  it('has the defaults of the contract', () => {
    const { state, http, log, secrets } = loaded();
    expect(state).toEqual({ redis: 'embedded', dataDir: '/var/lib/leasekeeper', prefix: 'leasekeeper' });
    expect(http).toEqual({ host: '0.0.0.0', port: 9464 });
    expect(log).toEqual({ level: 'info', format: 'json' });
    expect(secrets[0]).toMatchObject({ name: 'db', required: true, exclusive: false, onExpired: 'keep' });
    expect(secrets[0]?.reload).toEqual({ steps: [], debounce: 0, splay: 0 });
    expect(secrets[0]?.policy).toEqual({ renewAt: 0.67, jitter: 0.1, grace: minutes(5) });
  });

  it('names a sink by its type and place', () => {
    expect(loaded().secrets[0]?.sinks[0]).toMatchObject({ type: 'file', name: 'file:/s/db.env', target: '/s/db.env' });
  });
});

describe('the name of a sink', () => {
  it.each([['*'], ['constructor'], ['__proto__']])('is not %s, under which its record could not be found', (name) => {
    const secrets = secret().replace('{ type: file', `{ type: file, name: ${JSON.stringify(name)}`);
    expect(complaints({ secrets })).toEqual([expect.stringContaining('means something else to us')]);
    expect(complaints({ secrets: secrets.replace(JSON.stringify(name), 'mine') })).toEqual([]);
  });
});

describe('settings', () => {
  it('hold a Redis of its own, and the credential only as a pointer', () => {
    const redis =
      '{ url: "rediss://redis.infra:6379/0", username: keeper, password: { env: REDIS }, tls: { ca: /ca.pem } }';
    const { state } = loaded({ top: `state: { redis: ${redis}, prefix: two }\n`, env: { REDIS: 'pw' } });
    expect(state.prefix).toBe('two');
    expect(state.redis).toEqual({
      url: 'rediss://redis.infra:6379/0',
      username: 'keeper',
      password: { env: 'REDIS' },
      tls: { ca: '/ca.pem' },
    });
  });

  it('hold the key of the state only as a pointer, which has to lead somewhere', () => {
    const top = (key: string) => `state: { encryptionKey: ${key} }\n`;
    const env = { LK_KEY: 'S3CRET' };
    expect(loaded({ top: top('{ env: LK_KEY }'), env }).state.encryptionKey).toEqual({ env: 'LK_KEY' });
    expect(complaints({ top: top('{ env: LK_KEY }') })).toEqual([expect.stringContaining('is not set')]);
    expect(complaints({ top: top('{ file: /nowhere/lk.key }') })).toEqual([expect.stringContaining('does not exist')]);
    expect(complaints({ top: top(`"${ref('LK_KEY')}"`), env })).toEqual([
      expect.stringContaining('does not belong in this'),
    ]);
    expect(complaints({ top: top('S3CRET'), env }).join()).not.toContain('S3CRET');
  });

  it.each([
    ['0.0.0.0:80', '0.0.0.0', 80],
    ['[::1]:9464', '::1', 9464],
    ['localhost:0', 'localhost', 0],
  ])('listen on %s', (text, host, port) => {
    expect(loaded({ top: `http: { listen: "${text}" }\n` }).http).toEqual({ host, port });
  });

  it.each(['300.1.1.1:80', '::1:9464', ':80', 'a b:80', '[localhost]:80', '0.0.0.0:65536'])(
    'do not listen on %s',
    (text) => {
      expect(complaints({ top: `http: { listen: "${text}" }\n` })).toHaveLength(1);
    },
  );
});

describe('a policy', () => {
  const policyWith = (top: string, more = '') => loaded({ top, secrets: secret(more) }).secrets[0]?.policy;

  it('called default is for secrets that name none, and only for them', () => {
    const top = 'policies:\n  default: { renewAt: 50%, grace: 1m }\n  slow: { grace: 1h }\n';
    expect(policyWith(top)).toEqual({ renewAt: 0.5, jitter: 0.1, grace: minutes(1) });
    expect(policyWith(top, '    policy: slow\n')).toEqual({ renewAt: 0.67, jitter: 0.1, grace: hours(1) });
  });

  it('may stand in place', () => {
    expect(policyWith('', '    policy: { renewBefore: 10m, grace: 0s }\n')).toMatchObject({
      renewBefore: minutes(10),
      grace: 0,
    });
  });

  it('has less jitter of its own accord where it renews very early', () => {
    expect(policyWith('policies: { default: { renewAt: 8% } }\n')?.jitter).toBe(0.04);
  });

  it('rotates so long after each issue, or by the calendar', () => {
    const every = policyWith('', '    policy: { rotate: { every: 1h } }\n');
    expect(every?.rotateAfter?.(Date.UTC(2026, 0, 1))).toBe(Date.UTC(2026, 0, 1, 1));
    const nightly = policyWith('', '    policy: { rotate: { cron: "0 3 * * *", timezone: Europe/Berlin } }\n');
    expect(nightly?.rotateAfter?.(Date.UTC(2026, 0, 1))).toBe(Date.UTC(2026, 0, 1, 2));
    const utc = policyWith('', '    policy: { rotate: { cron: "0 3 * * *" } }\n');
    expect(utc?.rotateAfter?.(Date.UTC(2026, 0, 1))).toBe(Date.UTC(2026, 0, 1, 3));
  });

  it('of a token is its own: the default one never concerns it', () => {
    const top = 'policies: { default: { renewAt: 20%, grace: 1h }, eager: { renewAt: 30% } }\n';
    const tokenPolicy = (more: string) => loaded({ top, providers: `${provider}${more}` }).providers['main']?.policy;
    expect(tokenPolicy('')).toEqual({ renewAt: 0.67, jitter: 0.1, grace: minutes(1) });
    expect(tokenPolicy('    policy: eager\n')).toEqual({ renewAt: 0.3, jitter: 0.1, grace: minutes(1) });
    expect(tokenPolicy('    policy: { grace: 2m }\n')).toEqual({ renewAt: 0.67, jitter: 0.1, grace: minutes(2) });
  });
});

describe('anchors, merges and keys that start with x-', () => {
  it('bring what is written once to several places; what is written there wins', () => {
    const top = `x-shop: &shop ${source}\n`;
    const secrets = `  a: { source: *shop, sinks: [{ type: file, path: /s/a, format: json }] }
  b: { source: { <<: *shop, name: other }, x-note: 1, sinks: [{ type: file, path: /s/b, format: json }] }
  c: { source: { <<: [{ name: c }, *shop] }, sinks: [{ type: file, path: /s/c, format: json }] }
`;
    expect(loaded({ top, secrets }).secrets.map(({ name }) => name)).toEqual(['a', 'b', 'c']);
  });

  it('are told of where the anchor stands', () => {
    const top = 'x-shop: &shop { project: 12 }\n';
    const secrets = secret().replace('project: shop', '<<: *shop');
    expect(complaints({ top, secrets })).toEqual(['2:26 secrets.db.source.project: expected text, found a number']);
  });

  it('may be many: hundreds of secrets share one', () => {
    const sinks = (i: number) => `[{ type: file, path: /s/${i}, format: json }]`;
    const secrets = Array.from({ length: 300 }, (_, i) => `  s${i}: { source: *shop, sinks: ${sinks(i)} }\n`).join('');
    expect(loaded({ top: `x-shop: &shop ${source}\n`, secrets }).secrets).toHaveLength(300);
  });
});

describe('defaults', () => {
  it('are merged under every source and sink that knows the key, and under nothing else', () => {
    const top =
      'defaults:\n  source: { type: infisical/dynamic-secret, provider: main, project: shop, environment: prod }\n  sink: { type: file, format: json, owner: "1:1" }\n';
    const secrets = `  a: { source: { name: a }, sinks: [{ path: /s/a }] }
  b: { source: { type: infisical/access-token }, sinks: [{ path: /s/b, format: raw, key: token }] }
`;
    const [a, b] = loaded({ top, secrets }).secrets;
    expect(a?.source).toMatchObject({ type: 'infisical/dynamic-secret', provider: 'main' });
    expect(b?.source).toMatchObject({ type: 'infisical/access-token', provider: 'main' });
  });
});

describe('a reference to the environment', () => {
  const clientId = (text: string, env: Record<string, string> = {}) =>
    complaints({ providers: provider.replace('clientId: me', `clientId: ${text}`), env });

  it('is filled in from the environment, or from its default', () => {
    expect(clientId(`"${ref('ID')}"`, { ID: 'me' })).toEqual([]);
    expect(clientId(`"${ref('ID:-me')}"`)).toEqual([]);
    const top = `log: { level: "${ref('LEVEL:-debug')}" }\n`;
    expect(loaded({ top }).log.level).toBe('debug');
    expect(loaded({ top, env: { LEVEL: '' } }).log.level).toBe('debug');
    expect(loaded({ top, env: { LEVEL: 'error' } }).log.level).toBe('error');
    expect(loaded({ top: `state: { prefix: "a${ref('X')}.${ref('X')}b" }\n`, env: { X: 'x' } }).state.prefix).toBe(
      'ax.xb',
    );
  });

  it('does not reach what comes with every object', () => {
    expect(clientId(`"${ref('constructor')}"`)).toEqual([
      '6:42 providers.main.auth.clientId: the environment variable constructor is not set',
    ]);
  });

  it('is not filled in twice, and a doubled dollar makes none', () => {
    const top = `state: { dataDir: "/a/${ref('X')}/$${ref('Y')}" }\n`;
    expect(loaded({ top, env: { X: `${ref('Y')}`, Y: 'never' } }).state.dataDir).toBe(`/a/${ref('Y')}/${ref('Y')}`);
  });

  it('belongs to the program inside exec', () => {
    const more = `    reload: [{ exec: ["/bin/sh", "-c", "echo ${ref('NOT_SET')}"] }]\n`;
    expect(complaints({ secrets: secret(more) })).toEqual([]);
  });

  it('is told of by name, and what was filled in is never told', () => {
    const told = complaints({
      secrets: secret(`    policy: "${ref('P')}"\n`).replace('provider: main', `provider: "${ref('P')}"`),
      env: { P: 'hunter2' },
    });
    expect(told).toHaveLength(2);
    expect(told.join()).not.toContain('hunter2');
  });
});

describe('what a provider takes from the environment', () => {
  const infisical = (auth: string) =>
    `providers:\n  main: { type: infisical, url: https://i.test, auth: { ${auth} } }\n`;
  const azure = infisical(`method: azure, identityId: me, tokenFile: ${process.execPath}`);
  const yandex = 'providers:\n  main: { type: yandex, auth: { method: metadata } }\n';

  it.each([
    ['AZURE_TENANT_ID', azure, { AZURE_CLIENT_ID: 'me' }, ', or auth.tenantId'],
    ['AWS_REGION', infisical('method: aws, identityId: me'), { AWS_REGION: 'hunter2/' }, ' is not the name of a'],
    ['HTTPS_PROXY', provider, { HTTPS_PROXY: 'ftp://hunter2' }, ' is not the URL of an HTTP proxy'],
    ['YC_METADATA_ADDR', yandex, { YC_METADATA_ADDR: 'hunter2/path' }, ' is not the address of a host'],
  ])('is looked at before anything is begun: %s', (name, providers, env, words) => {
    const type = providers === yandex ? 'yandex/iam-token' : 'infisical/access-token';
    const sink = '{ type: file, path: /s/a, format: raw, key: token }';
    const secrets = `  a: { source: { type: ${type}, provider: main }, sinks: [${sink}] }\n`;
    const told = complaints({ providers, secrets, env: { CLIENT_SECRET: 'x', ...env } });
    expect(told).toEqual([expect.stringContaining(`environment variable ${name}${words}`)]);
    expect(told[0]).toMatch(/providers\.main: /);
    expect(told[0]).not.toContain('hunter2');
    expect(complaints({ providers, secrets, env: { CLIENT_SECRET: 'x', ...fine } })).toEqual([]);
  });

  const fine = { AZURE_CLIENT_ID: 'me', AZURE_TENANT_ID: 'us', AWS_REGION: 'eu-central-1', HTTPS_PROXY: 'http://p:1' };
});

describe('credentials that are pointed to', () => {
  it('are found wherever the schema takes one, and nowhere else', async () => {
    const dir = await mkdtemp(join(tmpdir(), 'lk-config-'));
    try {
      const file = join(dir, 'credential');
      const withFile = provider.replace('env: CLIENT_SECRET', `file: ${file}`);
      expect(complaints({ providers: withFile })[0]).toContain(`the credential file ${file} does not exist`);
      await writeFile(file, '');
      expect(complaints({ providers: withFile })[0]).toContain('is empty');
      await writeFile(file, 'secret');
      expect(complaints({ providers: withFile })).toEqual([]);
      await rm(file);
      execFileSync('mkfifo', [file]);
      expect(complaints({ providers: withFile })[0]).toContain('is a pipe or a device, not a file');
    } finally {
      await rm(dir, { recursive: true });
    }
    // A key that is called so is no pointer.
    const renamed = secret().replace('format: dotenv', 'format: json, keys: { env: NOT_SET }');
    expect(complaints({ secrets: renamed })).toEqual([]);
  });

  it('are told of once where an anchor brings them to several providers', () => {
    const two = `${provider.replace('{ env: CLIENT_SECRET }', '&c { env: NOT_SET }')}  other:
    type: infisical
    url: https://other.test
    auth: { method: universal, clientId: me, clientSecret: *c }
`;
    expect(complaints({ providers: two })).toHaveLength(2);
  });
});

it('the example in config/ is right', () => {
  const text = readFileSync(join(import.meta.dirname, '../../config/leasekeeper.example.yaml'), 'utf8')
    .replace(/\{ file: \/run\/secrets\/[a-z-]+ \}/g, '{ env: CLIENT_SECRET }')
    // Any file that is there.
    .replace('keyFile: /run/secrets/sa-key.json', `keyFile: ${import.meta.filename}`);
  const env = { INFISICAL_CLIENT_ID: 'me', CLIENT_SECRET: 'secret' };
  const result = understand(text, { file: 'leasekeeper.example.yaml', env });
  expect(result.ok ? [] : result.problems).toEqual([]);
});

it('nothing written where a provider should be is told of, also where a secret names it', () => {
  expect(complaints({ providers: 'providers: { main: }\n' })).toEqual(['2:20 providers.main: nothing is written here']);
});

it('a configuration that is right has no problems, one that is not has no configuration', () => {
  expect(load()).not.toHaveProperty('problems');
  expect(load({ top: 'x: 1\n' })).not.toHaveProperty('configuration');
});
