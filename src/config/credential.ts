/** Credentials in the configuration: never written there, but pointed to, and read again at every use. */
import { z } from 'zod';
import { LeaseError } from '../core/failure.ts';
import { readGivenFile } from '../given-file.ts';

/** What a credential in the file is answered with, `${X}` included. */
export const misplaced = 'a credential does not belong in this file';
const remedy = 'point to it with { file: /path } or { env: NAME }';

/** `{ file: /path }` or `{ env: NAME }`. */
export const credential = z.union(
  [
    z.strictObject({
      file: z.string().min(1).describe('A file that holds it; white space around it is not part of it'),
    }),
    z.strictObject({ env: z.string().min(1).describe('The environment variable that holds it') }),
  ],
  {
    error: ({ input }) =>
      typeof input === 'object' && input !== null
        ? 'not a reference to a credential: write either { file: /path } or { env: NAME }'
        : `${misplaced}: ${remedy}`,
  },
);

export type Credential = z.output<typeof credential>;

/**
 * The credential as it is now: a file is read at every call, since others may replace it.
 * Throws `LeaseError` `denied` where there is none; the message names the place, and nothing of what is in it.
 */
export async function readCredential(
  from: Credential,
  env: Readonly<Record<string, string | undefined>>,
): Promise<string> {
  if ('env' in from) {
    const value = env[from.env]?.trim();
    if (value) return value;
    throw new LeaseError('denied', `the environment variable ${from.env} is not set`);
  }
  try {
    const value = (await readGivenFile(from.file)).toString('utf8').trim();
    if (value) return value;
  } catch (error) {
    throw new LeaseError('denied', `the credential file ${from.file} cannot be read: ${(error as Error).message}`);
  }
  throw new LeaseError('denied', `the credential file ${from.file} is empty`);
}
