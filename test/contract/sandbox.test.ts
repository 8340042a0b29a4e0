/** Holds the sandbox to the recorded exchanges: the same requests have to get the same answers. */
import { createHash } from 'node:crypto';
import { afterEach, describe, expect, test } from 'vitest';
import { routeNames } from '../sandbox/infisical/faults.ts';
import { routes } from '../sandbox/infisical/routes.ts';
import type { Sandbox } from '../sandbox/infisical/sandbox.ts';
import type { SandboxSpec } from '../sandbox/infisical/spec.ts';
import { headersOf, normalise, rowsAreAmong } from './sandbox-compare.ts';
import { type Lab, labIn, laboratory, recorded, recordedNames, replay } from './sandbox-lab.ts';
import { notReplayed } from './sandbox-not-replayed.ts';
import * as auth from './sandbox-scenarios-auth.ts';
import * as leases from './sandbox-scenarios-leases.ts';
import * as secrets from './sandbox-scenarios-secrets.ts';

const unlimited: auth.Scenario = auth.asking();
const exhausted: auth.Scenario = async (lab) => {
  const { token = '' } = await unlimited(lab);
  for (let n = 0; n < 40; n += 1)
    await lab.get('/api/v3/secrets/raw?workspaceSlug=leasekeeper-lab&environment=dev', token);
  return { token };
};

const others: Readonly<Record<string, auth.Scenario>> = {
  'ratelimit-headers-on-login': auth.asIs,
  'ratelimit-headers-on-secrets': unlimited,
  'ratelimit-429-secrets': exhausted,
  'ratelimit-other-bucket-ds-list': exhausted,
  status: auth.asIs,
  'auth-spiffe-auth-not-on-this-server': auth.asIs,
  'auth-tls-cert-auth-not-on-this-server': auth.asIs,
  'events-sse-not-on-this-server': auth.asIs,
  'secrets-v4-not-on-this-server': auth.asIs,
  'unknown-route': auth.asIs,
  'unknown-method': auth.asIs,
};

const scenarios: Readonly<Record<string, auth.Scenario>> = {
  ...auth.logins,
  ...auth.otherLogins,
  ...auth.renewals,
  ...auth.requests,
  ...secrets.staticSecrets,
  ...secrets.singleSecrets,
  ...secrets.rotatedSecrets,
  ...leases.dynamicSecrets,
  ...leases.creations,
  ...leases.reads,
  ...leases.leaseRenewals,
  ...leases.revocations,
  ...others,
};

/** What is particular about the server an exchange was recorded from. */
function serverOf(name: string): SandboxSpec {
  if (name.startsWith('ratelimit-')) return { rateLimits: true };
  if (name.endsWith('-target-hangs')) return { connectionTimeout: 100 };
  return name.includes('concurrent') ? { targetLatency: 20 } : {};
}

let sandbox: Sandbox | undefined;

async function labFor(name: string): Promise<Lab> {
  sandbox = await laboratory.with(serverOf(name)).start();
  return labIn(sandbox);
}

afterEach(async () => {
  const troubles = sandbox?.books().troubles ?? [];
  await sandbox?.close();
  sandbox = undefined;
  expect(troubles).toEqual([]);
});

const lists: Readonly<Record<string, string>> = {
  'secrets/raw?': 'secrets',
  '/dynamic-secrets?': 'dynamicSecrets',
  '/leases?': 'leases',
};

describe('the sandbox answers as the recorded server did', () => {
  for (const [name, scenario] of Object.entries(scenarios)) {
    const exchange = recorded(name);
    const { response } = exchange;
    if (response.networkError !== undefined) {
      test(`${name}: the connection ends without an answer`, async () => {
        const lab = await labFor(name);
        const substitutes = await scenario(lab);
        await expect(replay(lab.sandbox, exchange, substitutes)).rejects.toMatchObject({
          code: response.networkError?.code,
        });
      });
      continue;
    }
    test(`${name}: ${response.status}`, async () => {
      const lab = await labFor(name);
      const reply = await replay(lab.sandbox, exchange, await scenario(lab));
      expect(reply.status).toBe(response.status);
      expect(headersOf(reply.headers)).toEqual(headersOf(response.headers ?? {}));
      if (response.status === 304) return expect(reply.text).toBe('');
      const etag = createHash('sha1').update(reply.text).digest('base64');
      expect(reply.headers['etag']).toBe(`"${etag}"`);
      const list = Object.entries(lists).find(([part]) => exchange.request.path.includes(part))?.[1];
      const theirs = response.body as Record<string, unknown>;
      if (list === undefined || theirs[list] === undefined) {
        return expect(normalise(reply.body)).toEqual(normalise(response.body));
      }
      const rows = (body: unknown) => (body as Record<string, unknown[]>)[list] ?? [];
      expect(rows(reply.body).length > 0).toBe(rows(theirs).length > 0);
      expect(Object.keys(reply.body as object)).toEqual(Object.keys(theirs));
      expect(rowsAreAmong(reply.body, theirs, list)).toBe(true);
      const { imports } = reply.body as { imports?: unknown };
      expect(normalise(imports)).toEqual(normalise(theirs['imports']));
    });
  }

  test('a recorded answer changed in one word is told apart', () => {
    const { body } = recorded('lease-renew-past-max-ttl').response;
    expect(normalise({ ...(body as object), message: 'something else' })).not.toEqual(normalise(body));
    const created = recorded('lease-create-pg').response.body as { lease: object };
    expect(normalise({ ...created, lease: { ...created.lease, config: {} } })).not.toEqual(normalise(created));
  });
});

describe('nothing is passed over in silence', () => {
  test('every recording is either played again or listed with the reason why not', () => {
    const missing = recordedNames.filter((name) => scenarios[name] === undefined && notReplayed[name] === undefined);
    expect(missing).toEqual([]);
  });

  test('no recording is in both lists, and none is listed that does not exist', () => {
    const named = [...Object.keys(scenarios), ...Object.keys(notReplayed)];
    expect(named.filter((name, at) => named.indexOf(name) !== at)).toEqual([]);
    expect(named.filter((name) => !recordedNames.includes(name))).toEqual([]);
  });

  test('every route of the sandbox is asked by a recorded exchange', () => {
    const asked = Object.keys(scenarios).map((name) => {
      const { method, path } = recorded(name).request;
      return routes.find((route) => route.method === method && route.pattern.test(path.replace(/\?.*/, '')))?.name;
    });
    expect(routes.map(({ name }) => name).filter((name) => !asked.includes(name))).toEqual([]);
    expect(routes.map(({ name }) => name).sort()).toEqual([...routeNames].sort());
  });
});
