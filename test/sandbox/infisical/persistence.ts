/** The sandbox's database: what a real server would have written down before it answered, in one file. */
import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import type { BooksState } from './books.ts';
import { rearm } from './leases.ts';
import type { Account } from './targets.ts';
import type { Lease, StaticSecret, Token, World } from './world.ts';

interface Snapshot {
  readonly jwtKey: string;
  readonly tokens: readonly (Omit<Token, 'identity' | 'clientSecret'> & {
    identity: string;
    clientSecret: string | undefined;
  })[];
  readonly leases: readonly (Omit<Lease, 'secret' | 'cancelExpiry'> & { secret: string })[];
  readonly accounts: readonly Account[];
  readonly books: BooksState;
  /** By project. What waited for approval is not kept. */
  readonly secrets: Readonly<Record<string, readonly StaticSecret[]>>;
}

/**
 * Goes on from what the file says, if it is there, and writes every change into it from now on. Identities, client
 * secrets and dynamic secrets are found again by their ids: the description has to name them. What was done to
 * identities through the controls is not kept.
 */
export function keepState(world: World, file: string): void {
  restore(world, read(file));
  world.changed = () => {
    const draft = `${file}.new`;
    writeFileSync(draft, JSON.stringify(snapshotOf(world)));
    renameSync(draft, file);
  };
  world.changed();
}

function read(file: string): Snapshot | undefined {
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as Snapshot;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

const snapshotOf = (world: World): Snapshot => ({
  jwtKey: world.jwtKey.toString('base64'),
  tokens: [...world.tokens.values()].map((token) => ({
    ...token,
    identity: token.identity.id,
    clientSecret: token.clientSecret?.id,
  })),
  leases: [...world.leases.values()].map(({ cancelExpiry: _, ...lease }) => ({ ...lease, secret: lease.secret.id })),
  accounts: [...world.accounts.values()],
  books: world.books.state(),
  secrets: Object.fromEntries([...world.projects.values()].map(({ slug, secrets }) => [slug, secrets])),
});

function restore(world: World, snapshot: Snapshot | undefined): void {
  if (snapshot === undefined) return;
  Buffer.from(snapshot.jwtKey, 'base64').copy(world.jwtKey);
  for (const token of snapshot.tokens) {
    const identity = world.identities.get(token.identity);
    const clientSecret = identity?.clientSecrets.find(({ id }) => id === token.clientSecret);
    const isWhole = clientSecret !== undefined || token.clientSecret === undefined;
    if (identity === undefined || !isWhole) throw new Error(`whose is token ${token.id}?`);
    world.tokens.set(token.id, { ...token, identity, clientSecret });
  }
  for (const account of snapshot.accounts) world.accounts.set(account.username, account);
  world.books.restore(snapshot.books);
  for (const { slug, secrets } of world.projects.values()) {
    secrets.splice(0, secrets.length, ...(snapshot.secrets[slug] ?? []));
  }
  for (const kept of snapshot.leases) {
    const secret = world.dynamicSecrets.get(kept.secret);
    if (secret === undefined) throw new Error(`of which dynamic secret is lease ${kept.id}?`);
    const lease: Lease = { ...kept, secret, cancelExpiry: () => undefined };
    world.leases.set(lease.id, lease);
    // What should have ended while the server was away ends now.
    rearm(world, lease);
  }
}
