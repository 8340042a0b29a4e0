/** Where our unix sockets are: in the data directory, or near it where its path is too long for the kernel. */
import { createHash } from 'node:crypto';
import { chmod, mkdir } from 'node:fs/promises';
import { join } from 'node:path';

/** What `sockaddr_un` holds, without the closing NUL. */
const longestPath = 107;
/** The longest of our socket names, with room for its number and for a draft of it. */
const room = '/control.4294967295.sock.01234567'.length;

/**
 * Makes the data directory (0700) if need be and answers with the directory for sockets: itself, else one of our own in
 * `runtimeDir`. Throws where neither will do.
 */
export async function socketDirectory(dataDir: string, runtimeDir?: string): Promise<string> {
  await ownDirectory(dataDir);
  if (fits(dataDir)) return dataDir;
  if (runtimeDir !== undefined) {
    const near = join(runtimeDir, `leasekeeper-${createHash('sha256').update(dataDir).digest('hex').slice(0, 12)}`);
    if (fits(near)) {
      await ownDirectory(near);
      return near;
    }
  }
  throw new Error(
    `the path of state.dataDir is too long for a unix socket (${Buffer.byteLength(dataDir)} bytes, at most ${longestPath - room}): choose a shorter one, or set XDG_RUNTIME_DIR to a short one`,
  );
}

const fits = (directory: string): boolean => Buffer.byteLength(directory) + room <= longestPath;

/** Others must not look in. A directory that is not ours (a mounted volume) stays as it is. */
async function ownDirectory(directory: string): Promise<void> {
  try {
    await mkdir(directory, { recursive: true, mode: 0o700 });
  } catch (error) {
    throw new Error(`the directory ${directory} cannot be made: ${(error as NodeJS.ErrnoException).code}`);
  }
  await chmod(directory, 0o700).catch(() => undefined);
}
