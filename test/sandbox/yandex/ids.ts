/** Ids and dates as the servers make them. */
import { randomInt } from 'node:crypto';
import type { Instant } from '../../../src/core/time.ts';
import { randomText } from '../random-text.ts';

/** `e6q` Lockbox, `aje` IAM, `b1g` folders. */
export const newId = (prefix: 'e6q' | 'aje' | 'b1g'): string =>
  prefix + randomText(17, 'abcdefghijklmnopqrstuvwxyz0123456789');

/** As in secrets and versions. */
export const inMillis = (at: Instant): string => new Date(at).toISOString();

/** As in operations. */
export const inNanos = (at: Instant): string =>
  new Date(at).toISOString().replace('Z', `${String(randomInt(1_000_000)).padStart(6, '0')}Z`);
