/** The keys that all that is secret in our state depends on: the operator's, or one made at the first start. Never in Redis. */
import { hkdfSync, randomBytes } from 'node:crypto';
import { constants } from 'node:fs';
import { link, open, readFile, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { type Credential, readCredential } from '../config/credential.ts';

/** What one key is used for: a key of its own for each purpose. */
export interface Key {
  /** Derived from it, and safe to show: 16 hexadecimal digits. */
  readonly id: string;
  /** Seals values. */
  readonly seal: Buffer;
  /** Signs records. */
  readonly record: Buffer;
  /** Makes fingerprints, where Redis has no other key for them: see `key-control.ts`. */
  readonly mark: Buffer;
  /** Seals the key of the fingerprints. */
  readonly wrap: Buffer;
}

/** The first seals and signs, all open and check. */
export interface KeyRing {
  readonly present: Key;
  readonly all: ReadonlyMap<string, Key>;
}

export interface KeyOptions {
  readonly dataDir: string;
  /** `state.encryptionKey`. */
  readonly configured?: Credential | undefined;
  readonly env: Readonly<Record<string, string | undefined>>;
}

export interface LoadedKeys {
  readonly ring: KeyRing;
  /** Where they are, for people. */
  readonly place: string;
  /** It was not there, and was made just now. */
  readonly isNew: boolean;
  /** What may go once nothing is sealed with the former keys any more, for people. */
  readonly formerPlaces: readonly string[];
  /** A new one is on disk after this; nothing may depend on it before. */
  keep(): Promise<void>;
}

const length = 32;

/**
 * Those of `state.encryptionKey` where it is set, and those of the key file in the data directory behind them: what was
 * sealed before it was set can still be opened. Throws where any of these is there but is no key.
 */
export async function loadKeys({ dataDir, configured, env }: KeyOptions): Promise<LoadedKeys> {
  const file = join(dataDir, 'seal.key');
  const own = await ownKeys(file);
  const keep = async () => undefined;
  const former = (keys: readonly Buffer[], place: string) =>
    keys.length > 1 ? [`all keys but the first in ${place}`] : [];
  if (configured) {
    const place = `${'file' in configured ? configured.file : configured.env} (state.encryptionKey)`;
    const given = keysIn(await readCredential(configured, env), place);
    const formerPlaces = [...former(given, place), ...(own.length > 0 ? [file] : [])];
    return { ring: keyRing([...given, ...own]), place, isNew: false, formerPlaces, keep };
  }
  if (own.length > 0) return { ring: keyRing(own), place: file, isNew: false, formerPlaces: former(own, file), keep };
  const made = randomBytes(length);
  return { ring: keyRing([made]), place: file, isNew: true, formerPlaces: [], keep: () => write(file, made) };
}

/** The keys in a text, each of 32 bytes in base64, with white space between them. `place` names it for people. */
export function keysIn(text: string, place: string): readonly Buffer[] {
  const words = text.split(/\s+/).filter((word) => word !== '');
  const keys = words.map((word) => (/^[A-Za-z0-9+/]{43}=?$/.test(word) ? Buffer.from(word, 'base64') : undefined));
  const wrong = keys.findIndex((key) => key?.length !== length);
  if (words.length > 0 && wrong < 0) return keys as Buffer[];
  const which = words.length > 1 ? ` as number ${wrong + 1}` : '';
  throw new Error(
    `${place} does not hold a key of ${length} bytes in base64${which}: restore it; a new one is made by \`openssl rand -base64 32\``,
  );
}

/** At least one key. The same key twice is one. */
export function keyRing(keys: readonly Buffer[]): KeyRing {
  const derived = keys.map(keyOf);
  const [present] = derived;
  if (!present) throw new RangeError('a ring without a key');
  return { present, all: new Map(derived.map((key) => [key.id, key])) };
}

function keyOf(key: Buffer): Key {
  const derive = (purpose: string, bytes = length) =>
    Buffer.from(hkdfSync('sha256', key, '', `leasekeeper ${purpose}`, bytes));
  return {
    id: derive('key id', 8).toString('hex'),
    seal: derive('seal'),
    record: derive('record'),
    mark: derive('mark'),
    wrap: derive('wrap'),
  };
}

async function ownKeys(file: string): Promise<readonly Buffer[]> {
  const text = await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined;
    throw new Error(`the key file ${file} cannot be read: ${error.code}`);
  });
  return text === undefined ? [] : keysIn(text, file);
}

/** Whole and on disk, or not there. Whoever calls has the lock of the data directory. */
async function write(file: string, key: Buffer): Promise<void> {
  const draft = `${file}.${randomBytes(6).toString('hex')}`;
  const handle = await open(draft, constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL, 0o600);
  try {
    await handle.writeFile(`${key.toString('base64')}\n`);
    await handle.sync();
  } finally {
    await handle.close();
  }
  try {
    // A link, not a rename: a key that is there already is never replaced.
    await link(draft, file);
  } finally {
    await unlink(draft);
  }
  const directory = await open(join(file, '..'), constants.O_RDONLY);
  // Redis may be elsewhere, and have on disk what only this key opens.
  await directory.sync().finally(() => directory.close());
}
