/** The files that the configuration points to, whatever lies there: credentials, keys, certificates. */
import { constants } from 'node:fs';
import { open } from 'node:fs/promises';

/** More than any of them has. */
const longest = 16 * 1024 * 1024;

/**
 * What it holds now. Throws `Error` where it cannot be read, which says why and does not repeat the path: the system's
 * code, where it has one for that.
 */
export async function readGivenFile(path: string): Promise<Buffer> {
  try {
    // A pipe would otherwise be waited for, by one of the few threads that all files are read by.
    const file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
    try {
      const found = await file.stat();
      if (!found.isFile() && !found.isDirectory()) throw new Error('it is a pipe or a device');
      if (found.size > longest) throw new Error(`it is longer than ${longest >> 20} MiB`);
      return await file.readFile();
    } finally {
      await file.close();
    }
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    throw new Error(code ?? message);
  }
}
