/** What an operator reads of an error that ended a start or a change of the configuration. */
import { LeaseError } from './core/failure.ts';
import { Occupied } from './foundations.ts';
import { RedisRefused } from './state/redis-probe.ts';

/** Only words that are known to name places and codes: those of others may quote a value, and nobody reads them. */
export function lastWords(error: unknown): string {
  if (error instanceof Occupied) return `${error.message}: it may be asked by \`once\`, or ended first`;
  if (isQuotable(error)) return error.message;
  return ofDisk(error) ?? ofRedis(error) ?? 'it failed for a reason that nobody foresaw';
}

/** Codes of the system are a closed list; what else the error says may quote anything. */
function ofDisk(error: unknown): string | undefined {
  const { code } = error as { readonly code?: unknown };
  if (code === 'ENOSPC' || code === 'EDQUOT') return `no space is left in the data directory (${code}): make room`;
  return typeof code === 'string' && /^E[A-Z0-9]{2,}$/.test(code) ? `the system said no (${code})` : undefined;
}

/** By the first word of what Redis answered. */
const refusals: Readonly<Record<string, string>> = {
  MISCONF: 'it cannot write its file: is its disk full?',
  OOM: 'its memory is full: raise maxmemory',
  READONLY: 'it is a replica: use the address of its master',
  LOADING: 'it is still loading its file: try again',
};

function ofRedis(error: unknown): string | undefined {
  if (!(error instanceof Error)) return undefined;
  if (error.name === 'MaxRetriesPerRequestError') return 'Redis went away while we started: try again';
  const [word = ''] = error.message.split(' ', 1);
  return error.name === 'ReplyError' && word in refusals ? `Redis refused (${word}): ${refusals[word]}` : undefined;
}

function isQuotable(error: unknown): error is Error {
  if (error instanceof LeaseError || error instanceof RedisRefused) return true;
  // Ours are plain; what the system says names a call, a path or an address.
  return error instanceof Error && (error.constructor === Error || 'syscall' in error);
}
