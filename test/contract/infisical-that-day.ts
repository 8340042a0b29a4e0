/** A client of Infisical on the day of a recording, what it presents, and the server that answers it as it was recorded. */
import type { Lease } from '../../src/core/lease.ts';
import { providers, sources } from '../../src/sources/index.ts';
import type { InfisicalClient } from '../../src/sources/infisical/client.ts';
import { secretCalls } from '../../src/sources/infisical/secret-place.ts';
import type { Source } from '../../src/sources/source.ts';
import { localServer } from '../sandbox/machines/local-server.ts';
import { aFile } from '../sandbox/machines/places.ts';
import { aToken, type HeardDeps, someDeps } from '../sources/deps.ts';
import { type Recording, type Replay, replayServer } from './infisical-recordings.ts';

export const clientSecret = 'the-secret-of-the-client';
export const presented = 'the-token-that-is-presented';
export const signal = new AbortController().signal;
export const sendBy = Number.POSITIVE_INFINITY;

export interface Client {
  readonly deps: HeardDeps;
  readonly token: Source;
  leases(options?: { readonly ttl?: string; readonly secretPath?: string; readonly name?: string }): Source;
  /** As the query of a list has it. */
  secrets(query: Readonly<Record<string, string>>): Source;
  change(body: Readonly<Record<string, string>>, key: string): Promise<unknown>;
  learnTime(): Promise<void>;
}

export interface ThatDay {
  readonly server: Replay;
  clientOf(from: Recording, clientId?: string): Client;
  close(): Promise<void>;
}

export async function thatDay(): Promise<ThatDay> {
  const server = await replayServer();
  const machine = await localServer(() => ({
    headers: { 'metadata-flavor': 'Google' },
    body: { access_token: 'a-token-of-the-machine' },
  }));
  const proof = aFile('');
  const env = {
    CLIENT_SECRET: clientSecret,
    AWS_ACCESS_KEY_ID: 'AKIDEXAMPLE',
    AWS_SECRET_ACCESS_KEY: clientSecret,
    GCE_METADATA_HOST: machine.address,
    AZURE_POD_IDENTITY_AUTHORITY_HOST: machine.address,
  };
  const closing: (() => Promise<void>)[] = [machine.close];
  function clientOf(from: Recording, clientId = 'a-client'): Client {
    const now = Date.parse(from.recordedAt ?? '2026-11-21T16:48:39.899Z');
    const deps = someDeps({ clock: { now: () => now }, env, token: aToken(presented) });
    const [, method = 'universal'] = /\/auth\/([a-z]+)-auth\/login$/.exec(from.request.path) ?? [];
    const { identityId = 'an-identity', jwt, username } = requestOf(from);
    if (jwt) proof.write(jwt);
    const how: Readonly<Record<string, object>> = {
      kubernetes: { tokenFile: proof.path },
      oidc: { token: { file: proof.path } },
      jwt: { token: { file: proof.path } },
      ldap: { username, password: { env: 'CLIENT_SECRET' } },
    };
    const auth =
      method === 'universal'
        ? { method, clientId, clientSecret: { env: 'CLIENT_SECRET' } }
        : { method, identityId, ...how[method] };
    const provider = providers[0].schema.parse({ type: 'infisical', url: server.url, auth }).connect(deps);
    closing.push(() => provider.close());
    if (!provider.token) throw new Error('the provider keeps no token');
    return {
      deps,
      token: provider.token.source,
      leases: (options) =>
        sources[1].schema
          .parse({
            type: 'infisical/dynamic-secret',
            provider: 'main',
            project: 'leasekeeper-lab',
            environment: 'dev',
            name: 'pg-main',
            ...options,
          })
          .open(provider),
      secrets: (query) =>
        sources[2].schema
          .parse({
            type: 'infisical/secrets',
            provider: 'main',
            environment: query['environment'] ?? 'dev',
            secretPath: query['secretPath'] ?? '/',
            imports: query['include_imports'] === 'true',
            expandReferences: query['expandSecretReferences'] === 'true',
            ...(query['workspaceId'] ? { projectId: query['workspaceId'] } : { project: 'leasekeeper-lab' }),
          })
          .open(provider),
      change({ workspaceId = '', environment = '', secretPath = '', secretValue = '' }, secretKey) {
        const how = { recursive: false, imports: false, expandReferences: false };
        const place = { project: 'leasekeeper-lab', environment, secretPath, ...how };
        const calls = secretCalls(provider.client as InfisicalClient, place, { isOld: true });
        return calls.change({ secretKey, secretValue: '', workspace: workspaceId }, secretValue, signal);
      },
      async learnTime() {
        if (!provider.learnTime) throw new Error('the provider does not ask what time it is');
        await provider.learnTime(signal);
      },
    };
  }

  return {
    server,
    clientOf,
    async close() {
      for (const close of closing) await close();
      await server.close();
      proof.remove();
    },
  };
}

export const leaseId = (from: Recording): string => /leases\/([^/?]+)/.exec(from.request.path)?.[1] ?? 'a-lease';

/** A lease of an hour on that day, as the record would have it; nothing is known of a wall. */
export function aLease(from: Recording, by = 3_600_000): Lease {
  const issuedAt = Date.parse(from.recordedAt ?? '2026-11-21T16:48:39.899Z') - 1_000;
  const renewal = { from: 'expiry', by, atLeast: 60_000, canShorten: true } as const;
  return { id: leaseId(from), issuedAt, expiresAt: issuedAt + 3_600_000, renewal };
}

/** The body of the request, which one of them sent as a form. */
export function requestOf({ request }: Recording): Record<string, string> {
  const { body } = request;
  return typeof body === 'string'
    ? Object.fromEntries(new URLSearchParams(body))
    : ((body ?? {}) as Record<string, string>);
}
