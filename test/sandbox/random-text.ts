/** Text that nobody can guess. */
import { randomBytes } from 'node:crypto';

const letters = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789';

/** So many of these characters. */
export function randomText(length: number, of: string = letters): string {
  return Array.from(randomBytes(length), (byte) => of[byte % of.length]).join('');
}
