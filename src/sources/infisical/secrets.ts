/** `infisical/secrets`: the static secrets of a folder, which others change and we follow. Contract 7 and 8.1. */
import { createHmac } from 'node:crypto';
import type { Lease } from '../../core/lease.ts';
import { Material } from '../../core/material.ts';
import type { Clock, Duration, Instant } from '../../core/time.ts';
import type { Acquired, Source } from '../source.ts';
import type { SecretRow } from './answers.ts';
import type { Asking } from './client.ts';
import { type Polled, type Polling, polling } from './polling.ts';
import { type Interfaces, type Listed, placeInWords, type SecretPlace, secretCalls } from './secret-place.ts';
import { type Selection, selected } from './selection.ts';

export interface SecretsOptions extends SecretPlace, Selection {
  readonly poll: Duration;
}

/** All static secrets that are had of one server: who wants the same of it shares what is asked. */
export interface StaticSecrets {
  open(options: SecretsOptions): Source;
}

/** `steady`: a clock that never jumps. `markKey`: keys the fingerprints of values, which are the ids of leases. */
export function staticSecrets(client: Asking, steady: Clock, markKey: Buffer): StaticSecrets {
  const interfaces: Interfaces = { isOld: false };
  const places = new Map<string, Polling<Listed>>();
  const mark = (text: string): string =>
    createHmac('sha256', markKey).update('infisical/secrets').update(text).digest('base64url').slice(0, 32);
  return {
    open(options) {
      const { project, projectId, environment, secretPath, recursive, imports, expandReferences } = options;
      const name = JSON.stringify([project, projectId, environment, secretPath, recursive, imports, expandReferences]);
      const calls = secretCalls(client, options, interfaces);
      const shared = places.get(name) ?? polling<Listed>((signal, last) => calls.list(last?.content, signal), steady);
      places.set(name, shared);
      return following(client, options, shared, steady, mark);
    },
  };
}

/**
 * The id of a lease is what its values come to, so that other values are another lease and nothing else is: neither the
 * order of the list, nor an etag, nor a version that grew.
 */
function following(
  { clock, uncertainty, knowsTime }: Asking,
  options: SecretsOptions,
  shared: Polling<Listed>,
  steady: Clock,
  mark: (text: string) => string,
): Source {
  const where = placeInWords(options);
  /** What we were told last, when, and what of it was used: who wants to know once more wants to know anew. */
  let told: { readonly polled: Polled<Listed>; readonly at: Instant; readonly by: Set<string> } | undefined;

  async function see(by: string, signal: AbortSignal): Promise<Found> {
    const besides = told?.by.has(by) ? told.polled : undefined;
    const polled = await shared.see({ signal, within: options.poll, besides });
    const before = told?.polled === polled ? told.by : [];
    told = { polled, at: steady.now(), by: new Set([...before, by]) };
    return foundIn(selected(polled.content.list, options, where), mark);
  }

  return {
    clock,
    uncertainty,
    knowsTime,
    /** All who share an answer ask for the next one at the same time, whenever they came by this one. */
    observeEvery: () =>
      told ? Math.max(0, Math.min(options.poll, told.polled.at + options.poll - told.at)) : options.poll,

    async observe(lease, { signal }) {
      const found = await see(lease.id, signal);
      return { is: found.id === lease.id ? 'held' : 'outdated', lease };
    },

    async acquire({ signal }): Promise<Acquired> {
      const { id, rows } = await see(anew, signal);
      told?.by.add(id);
      const issuedAt = Math.max(...rows.map(({ updatedAt }) => updatedAt ?? 0));
      const lease: Lease = {
        id,
        issuedAt: issuedAt > 0 ? issuedAt : clock.now(),
        followed: true,
        // Its values are asked for again where they were lost.
        repeats: true,
      };
      return { lease, material: materialOf(rows) };
    },
  };
}

/** In the place of a lease: whoever wants one. */
const anew = '';

interface Found {
  readonly id: string;
  readonly rows: readonly SecretRow[];
}

const foundIn = (rows: readonly SecretRow[], mark: (text: string) => string): Found => ({
  id: mark(JSON.stringify(rows.map(({ secretKey, secretValue }) => [secretKey, secretValue]))),
  rows,
});

const materialOf = (rows: readonly SecretRow[]): Material =>
  new Material(Object.fromEntries(rows.map(({ secretKey, secretValue }) => [secretKey, secretValue])));
