/** What is in a new version: a difference to the version it is based on, or made by the server (contract 3). */
import { makePassword } from './passwords.ts';
import type { PasswordSpec } from './spec.ts';
import { invalid, malformed, notFound } from './status.ts';
import { requireActiveVersion, requireNotDestroyed } from './versions.ts';
import type { Entry, Payload, Secret, Version, World } from './world.ts';

/** One of a request's `payloadEntries`. `undefined`: only its key was sent. */
export interface EntryChange {
  readonly key: string;
  readonly value: Entry | undefined;
}

const mostBytes = 65_536;

export const sizeOf = (entry: Entry): number => ('text' in entry ? Buffer.byteLength(entry.text) : entry.binary.length);

export interface Addition {
  readonly changes: readonly EntryChange[];
  /** Default: the current version, whichever that is by then. */
  readonly base?: string | undefined;
}

export interface NewPayload {
  readonly payload: Payload;
  readonly generated: PasswordSpec | undefined;
  readonly base: Version | undefined;
}

/** Throws what the server would refuse. */
export function payloadOf(world: World, secret: Secret, { changes, base: baseId }: Addition): NewPayload {
  const base = baseId === undefined ? secret.current : versionIn(secret, baseId);
  if (changes.length === 0 && secret.generated !== undefined) {
    const kept = world.unknowns.generatedKeepsOthers === 'yes' ? (base?.payload ?? []) : [];
    const made: Entry = { text: makePassword(secret.generated) };
    return { payload: new Map([...kept, [secret.generated.passwordKey, made]]), generated: secret.generated, base };
  }
  if (secret.generated !== undefined) {
    throw malformed('Payload entries must be omitted for a secret with a payload specification');
  }
  if (base !== undefined) requireUsableBase(world, base);
  const payload = changed(base?.payload ?? new Map(), changes);
  if (payload.size === 0) throw invalid([{ field: 'payload_entries', description: 'A version needs an entry' }]);
  const total = [...payload.values()].reduce((sum, entry) => sum + sizeOf(entry), 0);
  if (total > mostBytes) throw invalid([{ field: 'payload_entries', description: 'More than 64 KB in all' }]);
  return { payload, generated: undefined, base };
}

/** What is not named stays; what is named without a value, or with an empty one, goes. */
function changed(base: Payload, changes: readonly EntryChange[]): Payload {
  const payload = new Map(base);
  const seen = new Set<string>();
  for (const { key, value } of changes) {
    if (seen.has(key)) throw invalid([{ field: 'payload_entries', description: `Key ${key} is given twice` }]);
    seen.add(key);
    if (value === undefined || sizeOf(value) === 0) payload.delete(key);
    else payload.set(key, value);
  }
  return payload;
}

export function versionIn(secret: Secret, id: string): Version {
  const found = secret.versions.find((version) => version.id === id);
  if (found === undefined) throw notFound(`Version ${id}`);
  return found;
}

function requireUsableBase(world: World, base: Version): void {
  if (world.unknowns.scheduledBase === 'yes') requireNotDestroyed(base);
  else requireActiveVersion(base);
}
