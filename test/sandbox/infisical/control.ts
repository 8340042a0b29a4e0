/** What happens to the sandbox's world from outside its API: outages, lost rows, lost jobs, people at work in the console. */
import type { Duration } from '../../../src/core/time.ts';
import { dropCredential, removeRow } from './leases.ts';
import type { Condition } from './outage.ts';
import type { LoginsSpec } from './spec.ts';
import type { Values } from './targets.ts';
import { acceptsToken, issueToken } from './tokens.ts';
import type { DynamicSecret, Identity, Lease, World } from './world.ts';

/** Names of identities and secrets are optional where the sandbox has only one. Lengths are milliseconds. */
export interface WorldControl {
  /** Move the server's whole clock: forward lets time pass, either way makes it wrong against ours. */
  skew(by: Duration): void;
  /** The target of this secret, or every target. */
  target(condition: Condition, secret?: string): void;
  /** The server loses the row of a lease, or of all; the credential goes with it. */
  forget(lease?: string): Promise<void>;
  /** Somebody drops the account behind a lease; the server does not know. */
  dropAccount(lease: string): Promise<void>;
  /** The server loses its delayed jobs: what is due to expire does not, until it is renewed (contract 6.3). */
  loseJobs(): void;
  /** A dynamic secret is deleted: first its accounts go (`start`), then its rows (`finish`). */
  removeSecret(secret: string, phase: 'start' | 'finish'): Promise<void>;
  /** Does not end tokens in 2025, does in 2026. Answers with how many secrets it revoked. */
  revokeClientSecrets(identity?: string): number;
  addClientSecret(secret: string, identity?: string): void;
  /** Somebody changes how an identity may log in besides Universal Auth; what is not named stays. */
  setLogins(logins: LoginsSpec, identity?: string): void;
  /** An administrator makes a token of the identity, by Token Auth. */
  makeToken(identity?: string): string;
  deleteIdentity(identity?: string): void;
  leaveProject(project: string, identity?: string): void;
  licence(valid: boolean): void;
  /** Whether whoever holds these values would be let in by the target now: the judge's question. */
  accepts(values: Values): Promise<boolean>;
  acceptsToken(jwt: string): boolean;
}

export function worldControl(world: World): WorldControl {
  return {
    skew: (by) => world.clock.shift(by),
    target(condition, name) {
      const secrets = name === undefined ? [...world.dynamicSecrets.values()] : [secretNamed(world, name)];
      for (const secret of secrets) secret.gate.turn(condition);
    },
    async forget(id) {
      for (const lease of id === undefined ? [...world.leases.values()] : [leaseWith(world, id)]) {
        await dropCredential(world, lease);
        removeRow(world, lease, 'forgotten');
      }
    },
    async dropAccount(id) {
      await dropCredential(world, leaseWith(world, id));
    },
    loseJobs() {
      for (const lease of world.leases.values()) lease.cancelExpiry();
    },
    async removeSecret(name, phase) {
      const secret = secretNamed(world, name);
      const leases = [...world.leases.values()].filter((lease) => lease.secret === secret);
      if (phase === 'start') {
        secret.status = 'Revocation in process';
        for (const lease of leases) await dropCredential(world, lease);
        return;
      }
      for (const lease of leases) removeRow(world, lease, 'removed');
      world.dynamicSecrets.delete(secret.id);
    },
    revokeClientSecrets(name) {
      const live = identityNamed(world, name).clientSecrets.filter((secret) => !secret.revoked);
      for (const secret of live) secret.revoked = true;
      return live.length;
    },
    addClientSecret(secret, name) {
      const createdAt = world.clock.now();
      const id = `added-${createdAt}`;
      identityNamed(world, name).clientSecrets.push({
        id,
        secret,
        createdAt,
        ttl: 0,
        usesLimit: 0,
        uses: 0,
        revoked: false,
      });
    },
    setLogins(logins, name) {
      const identity = identityNamed(world, name);
      identity.logins = { ...identity.logins, ...logins };
    },
    makeToken: (name) =>
      issueToken(world, identityNamed(world, name), { method: 'token-auth', identityAuth: undefined }).answer
        .accessToken,
    deleteIdentity: (name) => void world.identities.delete(identityNamed(world, name).id),
    leaveProject: (project, name) => void identityNamed(world, name).access.delete(project),
    licence(valid) {
      world.licensed = valid;
    },
    async accepts(values) {
      const answers = [...world.targets].map((target) => target.accepts(values, world.clock.now()));
      return (await Promise.all(answers)).includes(true);
    },
    acceptsToken: (jwt) => acceptsToken(world, jwt),
  };
}

function identityNamed(world: World, name: string | undefined): Identity {
  const all = [...world.identities.values()];
  const found = name === undefined ? all[0] : all.find((identity) => identity.name === name);
  if (found === undefined) throw new Error(`the sandbox has no identity "${name ?? ''}"`);
  return found;
}

function secretNamed(world: World, name: string): DynamicSecret {
  const found = [...world.dynamicSecrets.values()].find((secret) => secret.name === name);
  if (found === undefined) throw new Error(`the sandbox has no dynamic secret "${name}"`);
  return found;
}

function leaseWith(world: World, id: string): Lease {
  const found = world.leases.get(id);
  if (found === undefined) throw new Error(`the sandbox has no lease "${id}"`);
  return found;
}
