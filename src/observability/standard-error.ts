/**
 * Writes to standard error without ever holding up the program: where nobody reads, or a disk is full, lines are lost,
 * and neither a renewal nor the exit waits for them.
 */
import { write, writeSync } from 'node:fs';
import { sleep, timer } from '../clock.ts';
import { type Duration, seconds } from '../core/time.ts';

export interface Output {
  write(text: string): void;
  /**
   * Resolves once all is written or given up, and after `within` in any case. Who exits without it may lose what a
   * slow reader had not taken.
   */
  flush(within: Duration): Promise<void>;
}

/** So much is kept for a reader that is slow, in characters; what comes then is dropped. */
const mostUnread = 8 * 1024 * 1024;
/** A pipe that is full is tried again after this. */
const pause: Duration = 20;
/** Whoever has not taken a write by then does not read any more. */
const patience: Duration = seconds(1);
/** What a write that is under way gets before the process is gone. */
const lastMoment: Duration = 50;

export function standardError(fd = 2): Output {
  let waiting: string[] = [];
  let size = 0;
  let isWriting = false;
  let isStuck = false;
  /** What a full pipe did not take. */
  let refused: Buffer | undefined;
  let taken = () => {};
  const listeners = new Set<() => void>();

  const next = () => {
    taken();
    isStuck = false;
    isWriting = waiting.length > 0;
    if (!isWriting) {
      for (const listener of listeners) listener();
      return;
    }
    const batch = Buffer.from(waiting.join(''));
    waiting = [];
    size = 0;
    taken = timer(patience, () => {
      isStuck = true;
    });
    put(batch);
  };

  const put = (batch: Buffer) => {
    refused = undefined;
    write(fd, batch, (error, count) => {
      if (error?.code === 'EAGAIN') {
        refused = batch;
        return void timer(pause, () => put(batch));
      }
      // What was to be said is lost; what comes may not be: a disk can be emptied.
      if (error || count >= batch.length) return next();
      put(batch.subarray(count));
    });
  };

  process.on('exit', () => {
    if (!isWriting || isStuck) return;
    // The write under way is done by another thread: it only has to be given the time.
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, lastMoment);
    try {
      if (refused) writeSync(fd, refused);
      if (waiting.length > 0) writeSync(fd, waiting.join(''));
    } catch {
      // There is nobody left to tell.
    }
  });

  return {
    write: (text) => {
      if (size + text.length > mostUnread) return;
      waiting.push(text);
      size += text.length;
      if (!isWriting) next();
    },
    flush: async (within) => {
      if (!isWriting) return;
      const isDone = new AbortController();
      const done = () => isDone.abort();
      listeners.add(done);
      // A sleep and not a timer: it keeps the process alive, whose exit code is still to be said.
      await sleep(within, isDone.signal).catch(() => undefined);
      listeners.delete(done);
    },
  };
}
