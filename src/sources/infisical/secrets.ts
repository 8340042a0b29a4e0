/** `infisical/secrets`: the static secrets of a folder, which others change and we follow, or rotate ourselves. Contract 7, 8.1. */
import { createHmac, hkdfSync } from 'node:crypto';
import { LeaseError } from '../../core/failure.ts';
import type { Clock, Duration, Instant } from '../../core/time.ts';
import { type Draw, drawFrom, makePassword } from '../password.ts';
import type { Source } from '../source.ts';
import type { Asking, Operation } from './client.ts';
import { type Contents, contentsOf, hasSameValues, leaseOf, type Mark, materialOf } from './contents.ts';
import { type Polled, type Polling, polling } from './polling.ts';
import { type Generation, rotating } from './rotating.ts';
import {
  type Interfaces,
  type Listed,
  placeInWords,
  type SecretCalls,
  type SecretPlace,
  secretCalls,
} from './secret-place.ts';
import { type Selection, selected } from './selection.ts';

export interface SecretsOptions extends SecretPlace, Selection {
  readonly poll: Duration;
  readonly generate?: Generation | undefined;
}

/** All static secrets that are had of one server: who wants the same of it shares what is asked. */
export interface StaticSecrets {
  open(options: SecretsOptions): Source;
}

/** `steady`: a clock that never jumps. `markKey`: keys the fingerprints of values, which are the ids of leases. */
export function staticSecrets(client: Asking, steady: Clock, markKey: Buffer): StaticSecrets {
  const interfaces: Interfaces = { isOld: false };
  const places = new Map<string, Polling<Listed>>();
  const mark: Mark = (text, length) =>
    createHmac('sha256', markKey).update('infisical/secrets').update(text).digest('base64url').slice(0, length);

  function sharedAt(place: SecretPlace, calls: SecretCalls): Polling<Listed> {
    const { project, projectId, environment, secretPath, recursive, imports, expandReferences } = place;
    const name = JSON.stringify([project, projectId, environment, secretPath, recursive, imports, expandReferences]);
    const shared = places.get(name) ?? polling<Listed>((signal, last) => calls.list(last?.content, signal), steady);
    places.set(name, shared);
    return shared;
  }

  return {
    open(options) {
      const { generate } = options;
      const shared = sharedAt(options, secretCalls(client, options, interfaces));
      const folder = folderOf(options, shared, steady, mark);
      const source = following(client, options, folder);
      if (!generate) return source;
      // As it is written: a reference is not told from a value otherwise, nor what is imported.
      const written = { ...options, recursive: false, imports: false, expandReferences: false };
      const calls = secretCalls(client, written, interfaces);
      const seedOf = (key: string) =>
        Buffer.from(hkdfSync('sha256', markKey, key, `infisical/secrets ${JSON.stringify(written)}`, 32));
      const makeValue = (key: string) => unreferring(generate, drawFrom(seedOf(key)));
      const kinds = { ...source.kinds, acquire: changes, retire: changes };
      return { ...source, kinds, ...rotating({ client, calls, folder, options: { ...options, generate }, makeValue }) };
    },
  };
}

/** Who reads it with its references replaced gets what was made. */
function unreferring(rules: Generation, draw: Draw): string {
  for (;;) {
    const value = makePassword(rules, draw);
    if (!value.includes('${')) return value;
  }
}

/** What one secret takes of a folder. */
export interface Folder {
  /** Of all who ask the same. `by`: who wants to know once more wants to know anew. */
  see(by: string, signal: AbortSignal): Promise<Contents>;
  /** As it is now, and not as it was a moment ago. */
  seeAnew(signal: AbortSignal): Promise<Contents>;
  /** It has been changed by us. */
  outdate(): void;
  /** What was seen last is known by whoever has that lease. */
  isKnownBy(by: string): void;
  /** How long after it was seen the next poll is. */
  untilNext(): Duration;
}

function folderOf(options: SecretsOptions, shared: Polling<Listed>, steady: Clock, mark: Mark): Folder {
  const where = placeInWords(options);
  const { poll, generate } = options;
  /** What we were told last, when, and by whom it was used. */
  let told: { readonly polled: Polled<Listed>; readonly at: Instant; readonly by: Set<string> } | undefined;

  async function see(by: string, signal: AbortSignal): Promise<Contents> {
    const besides = told?.by.has(by) ? told.polled : undefined;
    const polled = await shared.see({ signal, within: poll, besides });
    const before = told?.polled === polled ? told.by : [];
    told = { polled, at: steady.now(), by: new Set([...before, by]) };
    return contentsOf(selected(polled.content.list, options, where), generate?.key, mark);
  }

  return {
    see,
    seeAnew(signal) {
      shared.outdate();
      return see(anew, signal);
    },
    outdate: () => shared.outdate(),
    isKnownBy: (by) => void told?.by.add(by),
    untilNext: () => (told ? Math.max(0, Math.min(poll, told.polled.at + poll - told.at)) : poll),
  };
}

const reads = ['secret-list'] satisfies Operation[];
const changes = [...reads, 'secret-change'] satisfies Operation[];

/** In the place of a lease: whoever wants one. */
const anew = '';

/**
 * The id of a lease is what its values come to, so that other values are another lease and nothing else is: neither the
 * order of the list, nor an etag, nor a version that grew.
 */
function following({ clock, uncertainty, knowsTime }: Asking, options: SecretsOptions, folder: Folder): Source {
  return {
    clock,
    uncertainty,
    knowsTime,
    // An interface that a server does not have is asked for in vain first.
    kinds: { acquire: [...reads, ...reads], observe: reads, read: reads, retire: reads },
    /** All who share an answer ask for the next one at the same time, whenever they came by this one. */
    observeEvery: () => folder.untilNext(),

    async observe(lease, { signal }) {
      const contents = await folder.see(lease.id, signal);
      return { is: hasSameValues(lease.id, contents) ? 'held' : 'outdated', lease };
    },

    async read({ id }, { signal }) {
      const reading = `read ${id}`;
      let contents = await folder.see(reading, signal);
      // Perhaps that was before there were these.
      if (!hasSameValues(id, contents)) contents = await folder.see(reading, signal);
      if (hasSameValues(id, contents)) return materialOf(contents);
      throw new LeaseError('gone', `${placeInWords(options)} has other values by now`);
    },

    async acquire({ signal }) {
      const contents = await folder.see(anew, signal);
      const lease = { ...leaseOf(contents, clock.now()), followed: true } as const;
      folder.isKnownBy(lease.id);
      return { lease, material: materialOf(contents) };
    },
  };
}
