/** What an operator reads of an error that ended a start or a change of the configuration. */
import { LeaseError } from './core/failure.ts';
import { Occupied } from './foundations.ts';
import { RedisRefused } from './state/redis-probe.ts';

/** Only words that are known to name places and codes: those of others may quote a value, and nobody reads them. */
export function lastWords(error: unknown): string {
  if (error instanceof Occupied) return `${error.message}: it may be asked by \`once\`, or ended first`;
  return isQuotable(error) ? error.message : 'it failed for a reason that nobody foresaw';
}

function isQuotable(error: unknown): error is Error {
  if (error instanceof LeaseError || error instanceof RedisRefused) return true;
  // Ours are plain; what the system says names a call, a path or an address.
  return error instanceof Error && (error.constructor === Error || 'syscall' in error);
}
