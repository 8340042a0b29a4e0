/** What heals the schedule: jobs that Redis lost, put off, or gave to a worker that no longer works on them. */
import type { Duration, Instant } from '../core/time.ts';
import { inBatches } from './batches.ts';
import type { Entry, JobQueue, Standing } from './job-queue.ts';
import type { Lane } from './lane.ts';
import type { Planned } from './planned.ts';

export interface SweepLimits {
  /** A job whose date passed so long ago without its beginning is seen to. */
  readonly overdueAfter: Duration;
  /** So long, and nothing else began meanwhile: the worker is taken for stuck. */
  readonly stuckAfter: Duration;
}

/** Rejects where Redis cannot be asked. Answers whether the worker takes no jobs and should be made anew. */
export async function sweep(lane: Lane, queue: JobQueue, limits: SweepLimits, now: Instant): Promise<boolean> {
  await lane.tellAll();
  const isMissing = lane.missedSince !== undefined && now - lane.missedSince >= limits.stuckAfter;
  // Nothing may be due for long: see whether it is taken.
  if (lane.missedSince !== undefined) await queue.add(knock, now, 'create');
  const overdue = [...lane.planned].filter((one) => !one.running && now - one.due >= limits.overdueAfter);
  if (overdue.length === 0) return isMissing;
  // Most of what is late only waits for its turn. To see that costs one round trip, and not two for each of thousands.
  const standing = await queue.standing(overdue.map(({ entry }) => entry));
  await inBatches(overdue, (planned) => mend(planned, queue, standing, limits, now));
  if (isMissing) return true;
  return now - lane.lastTaken >= limits.stuckAfter && overdue.some((one) => isStuck(one, limits, now));
}

/** A job of nobody: all that matters is that Redis starts it. */
const knock: Entry = { key: 'knock', name: 'knock', data: {} };

async function mend(
  planned: Planned,
  queue: JobQueue,
  standing: Standing,
  limits: SweepLimits,
  now: Instant,
): Promise<void> {
  const { taken, dates } = standing;
  const id = await queue.ensure(planned.entry, now, standing);
  if (planned.running || planned.due > now) return;
  // It is there, but later than we know: Redis has gone back in time.
  const date = dates.get(id);
  if (date !== undefined && date > now) await queue.add(planned.entry, now, 'move');
  // Its answer was lost on the way to the worker: taken, and nobody works on it. A moment later it might have begun.
  if (!taken.has(id) || !isStuck(planned, limits, now)) planned.suspect = undefined;
  else if (planned.suspect !== id) planned.suspect = id;
  else {
    await queue.release(id);
    await queue.add(planned.entry, now, 'create');
  }
}

const isStuck = (planned: Planned, limits: SweepLimits, now: Instant): boolean =>
  !planned.running && now - planned.due >= limits.stuckAfter;
