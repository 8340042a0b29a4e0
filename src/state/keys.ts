/** The key that everything secret in our state depends on: made at the first start, kept in the data directory, never in Redis. */
import { hkdfSync, randomBytes } from 'node:crypto';
import { constants } from 'node:fs';
import { link, open, readFile, unlink } from 'node:fs/promises';
import { join } from 'node:path';

export interface Keys {
  /** Keys the fingerprints of what is in the sinks. 32 bytes. */
  readonly markKey: Buffer;
}

const length = 32;

/** Throws where the key file is there but is no key: to make another would make everything written before unreadable. */
export async function loadKeys(dataDir: string): Promise<Keys> {
  const key = await sealKey(join(dataDir, 'seal.key'));
  return { markKey: derive(key, 'leasekeeper mark') };
}

const derive = (key: Buffer, purpose: string): Buffer => Buffer.from(hkdfSync('sha256', key, '', purpose, length));

async function sealKey(file: string): Promise<Buffer> {
  const present = await read(file);
  if (present) return present;
  const draft = `${file}.${randomBytes(6).toString('hex')}`;
  const handle = await open(draft, constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL, 0o600);
  try {
    await handle.writeFile(randomBytes(length).toString('base64'));
    await handle.sync();
  } finally {
    await handle.close();
  }
  // A link, not a rename: where two processes start at once the first key stays.
  await link(draft, file).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'EEXIST') throw error;
  });
  await unlink(draft);
  const made = await read(file);
  if (!made) throw new Error(`${file} vanished as soon as it was made`);
  return made;
}

async function read(file: string): Promise<Buffer | undefined> {
  const text = await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined;
    throw new Error(`the key file ${file} cannot be read: ${error.code}`);
  });
  if (text === undefined) return undefined;
  const key = Buffer.from(text.trim(), 'base64');
  if (key.length === length) return key;
  throw new Error(
    `${file} does not hold a key of ${length} bytes in base64: restore it, or remove it to start with a new one`,
  );
}
