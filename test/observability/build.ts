/** Steered time, subjects and events of the keeper, for tests of those who listen. */

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import type { Step } from '../../src/core/decide.ts';
import type { DeliveryStep } from '../../src/core/deliveries.ts';
import type { SecretRecord } from '../../src/core/record.ts';
import type { Clock, Duration, Instant } from '../../src/core/time.ts';
import type { AnyStep, Done, KeeperEvent, Subject } from '../../src/keeper/events.ts';
import { recordOf, rulesOf } from '../core/build.ts';

/** A clock and a timer that move when told. */
export function steeredTime(start: Instant = 0) {
  let now = start;
  let timers: readonly { readonly at: Instant; readonly fn: () => void }[] = [];
  const clock: Clock = { now: () => now };
  const moveTo = (at: Instant) => {
    for (;;) {
      const [first] = timers.filter((each) => each.at <= at).sort((a, b) => a.at - b.at);
      if (!first) break;
      timers = timers.filter((each) => each !== first);
      now = Math.max(now, first.at);
      first.fn();
    }
    now = at;
  };
  return {
    clock,
    moveTo,
    pass: (length: Duration) => moveTo(now + length),
    open: () => timers.length,
    timer: (delay: Duration, fn: () => void) => {
      const entry = { at: now + delay, fn };
      timers = [...timers, entry];
      return () => {
        timers = timers.filter((each) => each !== entry);
      };
    },
  };
}

export const aSubject = (clock: Clock, change: Partial<Subject> = {}): Subject => ({
  name: 'orders-db',
  source: 'infisical/dynamic-secret',
  provider: 'infisical-main',
  required: true,
  isToken: false,
  idleReloads: [],
  sinkTypes: { file: 'file' },
  rules: rulesOf(),
  now: clock.now,
  ...change,
});

export const changed = (record: SecretRecord, secret = 'orders-db', at: Instant = 0): KeeperEvent => ({
  type: 'changed',
  secret,
  record,
  at,
});

const never = Number.POSITIVE_INFINITY;

export const aStep = (act: Step['act'] | DeliveryStep['act'], because: string, to?: string) =>
  ({ act, because, at: 0, deadline: never, emergencyAt: never, ...(to !== undefined && { to }) }) as AnyStep;

export const done = (step: AnyStep, change: Partial<Done> = {}): Done => ({
  type: 'done',
  secret: 'orders-db',
  step,
  outcome: 'ok',
  at: 0,
  took: 20,
  record: recordOf(),
  next: { act: 'wait', until: 0, because: 'NotDue' },
  ...change,
});

/** The samples of a scrape by series, as text: `name{label="value"}` → value. */
export const samplesOf = (scrape: string): ReadonlyMap<string, string> =>
  new Map(
    scrape
      .split('\n')
      .filter((line) => line !== '' && !line.startsWith('#'))
      .map((line) => [line.slice(0, line.lastIndexOf(' ')), line.slice(line.lastIndexOf(' ') + 1)]),
  );

/** What the real promtool has to say about a scrape: nothing, where it is well. */
export async function promtool(scrape: string): Promise<{ readonly code: number; readonly said: string }> {
  const child = spawn('promtool', ['check', 'metrics'], { stdio: ['pipe', 'pipe', 'pipe'] });
  let said = '';
  child.stdout.on('data', (chunk) => {
    said += chunk;
  });
  child.stderr.on('data', (chunk) => {
    said += chunk;
  });
  child.stdin.end(scrape);
  const [code] = await once(child, 'close');
  return { code, said };
}
