/** The values of a dynamic-secret lease, and what they betray of their own end. Contract 6.1 and 6.3. */
import { type Instant, seconds } from '../../core/time.ts';

type Data = Readonly<Record<string, unknown>>;

/**
 * Types whose credential carries an end of its own: renewing the lease moves the row at the server and nothing else.
 * Lists what is known; a type that is not here is renewed, since its account lives as long as its lease.
 */
const endByThemselves = new Set(['kubernetes', 'gcp-iam', 'github', 'totp', 'ssh']);

/** Does a renewal of the lease prolong the values? Of `aws-iam` a user does, a session does not. */
export const isRenewable = (type: string, data: Data): boolean =>
  !endByThemselves.has(type) && !('SESSION_TOKEN' in data);

/** When the values end by what they say themselves: perhaps before their lease does. `Infinity` where they say nothing. */
export function endOfData(type: string, data: Data, sentAt: Instant): Instant {
  const never = Number.POSITIVE_INFINITY;
  const { EXPIRES_AT: date, TIME_REMAINING: left } = data;
  if (type === 'github' && typeof date === 'string') return Date.parse(date) || never;
  if (type === 'totp' && typeof left === 'number' && left >= 0) return sentAt + seconds(left);
  return never;
}

/** What is no text becomes JSON: lists, numbers and objects occur. */
export const valuesOf = (data: Data): Record<string, string> =>
  Object.fromEntries(
    Object.entries(data).map(([key, value]) => [key, typeof value === 'string' ? value : JSON.stringify(value)]),
  );
