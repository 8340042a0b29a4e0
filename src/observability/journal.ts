/** The journal: every act, with who or what caused it and how it ended, a line of JSON each. Names and dates, never values. */
import { constants } from 'node:fs';
import { type FileHandle, open, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { sleep } from '../clock.ts';
import { type Clock, type Duration, seconds } from '../core/time.ts';
import type { Done, KeeperEvent, Subject } from '../keeper/events.ts';
import { createLatest, isDelivery } from './latest.ts';
import { viewOf } from './view.ts';
import { iso } from './words.ts';

/** One line. */
export type Entry = ActEntry | DaemonEntry;

export interface ActEntry {
  /** On this machine's wall clock. */
  readonly at: string;
  readonly secret: string;
  readonly source: string;
  readonly provider: string;
  readonly act: string;
  /** A reason of the core's closed list; `Requested`: a person. */
  readonly because: string;
  /** What it was done to, where it is about one. */
  readonly lease?: string;
  readonly sink?: string;
  readonly outcome: string;
  readonly message?: string;
  /** In seconds. */
  readonly took: number;
  /** What the secret is in after it, and until when its values are good. */
  readonly state: string;
  readonly expiresAt?: string;
  /** A provider's access token. */
  readonly isToken?: true;
}

export interface DaemonEntry {
  readonly at: string;
  readonly daemon: 'started' | 'ended' | 'reconfigured';
  readonly version: string;
  readonly pid: number;
}

export interface Journal {
  listen(event: KeeperEvent): void;
  watch(subject: Subject): void;
  forget(secret: string): void;
  note(what: DaemonEntry['daemon']): void;
  /** All that was told is written, or given up. Twice is once. */
  close(): Promise<void>;
}

export interface JournalOptions {
  /** Exists when the first is told. */
  readonly directory: string;
  readonly wall: Clock;
  readonly version: string;
  /** It cannot be written, and why; `undefined`: it can again. Nothing else suffers from it. */
  readonly onTrouble: (code: string | undefined, lost: number) => void;
  /** In bytes, how long a file gets. */
  readonly fileSize?: number;
}

/** The present file and those before it, the youngest first. */
export const journalFiles = ['history.jsonl', 'history.1.jsonl', 'history.2.jsonl', 'history.3.jsonl'] as const;

const usualFileSize = 8 * 1024 * 1024;
/** So many lines wait for a disk that is slow; what comes then is lost, and counted. */
const mostWaiting = 10_000;

/** A disk that hangs does not hold up the exit. */
const lastMoment: Duration = seconds(1);

/** What merely looked, and found things as they were. Told where it fails, and when it is well again. */
const quiet: readonly string[] = ['observe', 'try', 'check', 'search'];

export function createJournal({
  directory,
  wall,
  version,
  onTrouble,
  fileSize = usualFileSize,
}: JournalOptions): Journal {
  const latest = createLatest(wall);
  /** By act, those whose last outcome was a failure. */
  const failing = new Set<string>();
  let waiting: string[] = [];
  let lost = 0;
  let trouble: string | undefined;
  let writing: Promise<void> | undefined;
  let file: { readonly handle: FileHandle; size: number } | undefined;

  const tell = (entry: Entry) => {
    if (waiting.length < mostWaiting) waiting.push(`${JSON.stringify(entry)}\n`);
    else lost += 1;
    writing ??= write().finally(() => {
      writing = undefined;
    });
  };

  async function write(): Promise<void> {
    while (waiting.length > 0) {
      const batch = waiting;
      waiting = [];
      try {
        await append(Buffer.from(batch.join('')));
        if (trouble !== undefined) onTrouble(undefined, lost);
        trouble = undefined;
        lost = 0;
      } catch (error) {
        lost += batch.length;
        const code = (error as NodeJS.ErrnoException).code ?? 'unknown error';
        if (trouble !== code) onTrouble(code, lost);
        trouble = code;
        await closeFile();
      }
    }
  }

  async function append(bytes: Buffer): Promise<void> {
    if (file && file.size > 0 && file.size + bytes.length > fileSize) {
      await closeFile();
      await rotate(directory);
    }
    file ??= await openFile(join(directory, journalFiles[0]));
    await file.handle.appendFile(bytes);
    file.size += bytes.length;
  }

  const closeFile = async () => {
    const { handle } = file ?? {};
    file = undefined;
    await handle?.close().catch(() => undefined);
  };

  return {
    listen(event) {
      latest.listen(event);
      if (event.type !== 'done' || event.outcome === 'blocked') return;
      const known = latest.get(event.secret);
      if (!known) return;
      const { step, outcome } = event;
      const effort = `${event.secret} ${step.act} ${'to' in step && isDelivery(step) ? step.to : ''}`;
      const wasFailing = outcome === 'ok' ? failing.delete(effort) : !failing.add(effort);
      const isIdle = step.act === 'reload' && known.subject.idleReloads.includes(step.to);
      if (outcome === 'ok' && !wasFailing && (isIdle || quiet.includes(step.act))) return;
      tell(entryOf(event, known.subject, viewOf(known), wall));
    },
    watch: latest.watch,
    forget: latest.forget,
    note: (daemon) => tell({ at: iso(wall.now()) ?? '', daemon, version, pid: process.pid }),
    async close() {
      await Promise.race([writing, sleep(lastMoment)]);
      await closeFile();
    },
  };
}

function entryOf(
  { step, outcome, message, took }: Done,
  { name, source, provider, isToken }: Subject,
  { state, expiresAt }: ReturnType<typeof viewOf>,
  wall: Clock,
): ActEntry {
  const end = iso(expiresAt);
  const to = 'to' in step ? step.to : undefined;
  return {
    at: iso(wall.now()) ?? '',
    secret: name,
    source,
    provider,
    act: step.act,
    because: step.because,
    ...(to !== undefined && (isDelivery(step) ? { sink: to } : { lease: to })),
    outcome,
    ...(message !== undefined && { message }),
    took: took / 1000,
    state,
    ...(end !== undefined && { expiresAt: end }),
    ...(isToken && { isToken }),
  };
}

const { O_APPEND, O_CREAT, O_NOFOLLOW, O_RDWR } = constants;

/** A line that a crash cut short is ended: what comes after it is whole. */
async function openFile(path: string): Promise<{ handle: FileHandle; size: number }> {
  const handle = await open(path, O_RDWR | O_APPEND | O_CREAT | O_NOFOLLOW, 0o600);
  try {
    const { size } = await handle.stat();
    const last = Buffer.alloc(1);
    if (size > 0) await handle.read(last, 0, 1, size - 1);
    if (size === 0 || last.toString() === '\n') return { handle, size };
    await handle.appendFile('\n');
    return { handle, size: size + 1 };
  } catch (error) {
    await handle.close();
    throw error;
  }
}

/** The oldest is overwritten. */
async function rotate(directory: string): Promise<void> {
  for (let age = journalFiles.length - 1; age > 0; age -= 1) {
    const [from, to] = [journalFiles[age - 1] ?? '', journalFiles[age] ?? ''];
    await rename(join(directory, from), join(directory, to)).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'ENOENT') throw error;
    });
  }
}
