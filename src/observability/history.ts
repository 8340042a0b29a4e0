/** The journal read back, and put in words. */
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { type Instant, sayDuration, seconds } from '../core/time.ts';
import { type Entry, journalFiles } from './journal.ts';
import { sayAct, sayReason } from './words.ts';

export interface HistoryOptions {
  readonly directory: string;
  /** Only what is from then on. */
  readonly since?: Instant;
}

export interface Unreadable {
  /** How many lines were none of ours: cut short by a crash. */
  count: number;
}

/** The oldest first. Throws what the system throws where a file is there and cannot be read. */
export async function* historyIn({ directory, since }: HistoryOptions, unreadable: Unreadable): AsyncGenerator<Entry> {
  for (const name of journalFiles.toReversed()) {
    const file = await open(join(directory, name)).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'ENOENT') throw error;
    });
    if (!file) continue;
    for await (const line of file.readLines()) {
      if (line === '') continue;
      const entry = entryIn(line);
      if (!entry) unreadable.count += 1;
      else if (since === undefined || Date.parse(entry.at) >= since) yield entry;
    }
  }
}

function entryIn(line: string): Entry | undefined {
  try {
    const entry: unknown = JSON.parse(line);
    return typeof entry === 'object' && entry !== null && 'at' in entry ? (entry as Entry) : undefined;
  } catch {
    return undefined;
  }
}

/** `2026-11-22T05:00:01.123Z  orders-db: renewed, because it was due (lease 4f…, 35ms); healthy`. */
export function sayEntry(entry: Entry): string {
  if ('daemon' in entry) {
    const words = { started: 'started', ended: 'ended', reconfigured: 'took over another configuration' };
    return `${entry.at}  leasekeeper ${entry.version}, pid ${entry.pid}: ${words[entry.daemon] ?? entry.daemon}`;
  }
  const { at, secret, act, because, lease, sink, outcome, message, took, state, isToken } = entry;
  const step = { act, ...(sink !== undefined && { to: sink }) };
  const { past, doing } = sayAct(step, isToken ?? false, sink);
  const isOk = outcome === 'ok';
  const what = isOk
    ? `${past}, because ${sayReason(because)}`
    : `${doing} failed (${outcome}${message ? `: ${message}` : ''})`;
  const about = [...(lease === undefined ? [] : [`lease ${lease}`]), sayDuration(seconds(took))].join(', ');
  return `${at}  ${secret}: ${what} (${about}); ${state}`;
}
