/** Times of day, by cron, in a time zone. */
import { Cron } from 'croner';
import { z } from 'zod';
import type { Instant } from '../core/time.ts';
import { nearest } from './nearest.ts';

/** A day from which the calendar is tried out; that a date comes never does not depend on it. */
const someDay = new Date(Date.UTC(2026, 0, 1));

const parse = (pattern: string, timezone: string): Cron =>
  new Cron(pattern, { paused: true, mode: '5-part', timezone });

/** Five fields (minute, hour, day of month, month, day of week), or a word such as `@daily`. */
export const cron = z
  .string('not a cron expression: write five fields in quotes, such as "0 3 * * *"')
  .describe('Five fields: minute, hour, day of month, month, day of week')
  .superRefine((pattern, context) => {
    const mistake = mistakeOf(pattern);
    if (mistake) context.addIssue({ code: 'custom', message: mistake });
  });

function mistakeOf(pattern: string): string | undefined {
  const fields = pattern.trim().split(/\s+/);
  if (fields.length !== 5 && !pattern.trim().startsWith('@'))
    return 'not a cron expression: write five fields (minute, hour, day of month, month, day of week), such as "0 3 * * *"';
  try {
    if (parse(pattern, 'UTC').nextRun(someDay) !== null) return undefined;
    return 'this cron never fires: choose a day that some month has, and a month that has it';
  } catch {
    return 'not a cron expression: minute 0-59, hour 0-23, day of month 1-31, month 1-12, day of week 0-7';
  }
}

/** A name of the time zone database. */
export const timezone = z
  .string('not a time zone: write its name, such as Europe/Berlin')
  .describe('A name of the time zone database: Europe/Berlin. Default: UTC')
  .superRefine((name, context) => {
    if (/^[A-Za-z][A-Za-z0-9/_+-]*$/.test(name) && isTimezone(name)) return;
    const near = nearest(name, Intl.supportedValuesOf('timeZone'));
    const remedy = near === undefined ? 'write a name such as Europe/Berlin or UTC' : `did you mean ${near}?`;
    context.addIssue({ code: 'custom', message: `no such time zone: ${remedy}` });
  });

function isTimezone(name: string): boolean {
  try {
    new Intl.DateTimeFormat('en', { timeZone: name });
    return true;
  } catch {
    return false;
  }
}

/**
 * The first time after that one at which the cron fires. What falls into the hour that a clock change skips fires at
 * its end; what falls into the hour that comes twice fires once, where it has a fixed time.
 */
export function nextFiring(pattern: string, zone: string): (after: Instant) => Instant {
  const calendar = parse(pattern, zone);
  return (after) => calendar.nextRun(new Date(after))?.getTime() ?? Number.POSITIVE_INFINITY;
}
