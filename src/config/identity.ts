/** Tells whether a part of the file still means the same thing: records, connections and tokens belong to what it meant. */
import { createHash } from 'node:crypto';
import { plain } from './locate.ts';
import type { Node } from './tree.ts';

/** How a thing is treated, not which thing it is: these may change without its becoming another. */
const treatment = {
  source: ['ttl', 'poll', 'onDestroyScheduled', 'watchVersions', 'pendingPeriod', 'allowEmpty'],
  provider: ['policy', 'slots', 'rate', 'tls', 'auth'],
  token: ['policy', 'slots', 'rate', 'tls'],
} as const;

/** Of these it counts that they are there, and not what they say. */
const mere: readonly string[] = ['generate'];

/** The same for the same lease, whoever asks for it: where it lies, and at which provider. */
export const sourceIdentity = (source: Node, provider: Node | undefined): string =>
  digest([bare(source, treatment.source), provider && bare(provider, treatment.provider)]);

/** The same for the same access token: of the same identity at the same provider. */
export const tokenIdentity = (provider: Node): string => digest(bare(provider, treatment.token));

/** Changes with anything that the provider's client is told. */
export const digestOf = (provider: Node): string => digest(plain(provider));

function bare(node: Node, without: readonly string[]): unknown {
  // Where it is no mapping that is told elsewhere.
  const value = (plain(node) ?? {}) as Readonly<Record<string, unknown>>;
  const kept = Object.entries(value).filter(([key]) => !without.includes(key));
  return Object.fromEntries(kept.map(([key, one]) => [key, mere.includes(key) ? true : one]));
}

/** The order of keys means nothing. */
const digest = (value: unknown): string =>
  createHash('sha256')
    .update(
      JSON.stringify(value, (_, part: unknown) =>
        typeof part === 'object' && part !== null && !Array.isArray(part)
          ? Object.fromEntries(Object.entries(part).sort(([a], [b]) => (a < b ? -1 : 1)))
          : part,
      ),
    )
    .digest('hex')
    .slice(0, 12);
