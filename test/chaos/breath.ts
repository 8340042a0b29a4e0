/** Notices when the machine itself has no time for anybody: whoever gets none cannot be blamed for being late. */
import { setTimeout as pause } from 'node:timers/promises';
import type { Duration } from '../../src/core/time.ts';
import type { Blow, Timeline } from './timeline.ts';

/** So much work, in milliseconds of the processor, … */
const work: Duration = 12;
/** … takes so many times as long where everybody waits for the processors; and a timer comes so late. */
const slowest = 5;
const latest: Duration = 400;
const between: Duration = 500;

/** Answers with what ends it. Each stretch without air is a blow to the daemon. */
export function watchBreath(timeline: Timeline): () => void {
  const stop = new AbortController();
  let gasp: Blow | undefined;
  let shorts = 0;
  const turn = (isShort: boolean, note: string) => {
    shorts = isShort ? shorts + 1 : 0;
    // Once may be chance.
    if (shorts > 1 && gasp === undefined) gasp = timeline.begin('machine: no time for anybody', 'daemon', note);
    if (isShort || gasp === undefined) return;
    timeline.end(gasp);
    gasp = undefined;
  };
  void (async () => {
    while (!stop.signal.aborted) {
      const asked = performance.now();
      await pause(between, undefined, { ref: false, signal: stop.signal }).catch(() => undefined);
      const late = performance.now() - asked - between;
      const slow = spin();
      turn(late > latest || slow > slowest, `${Math.round(late)} ms late, ${slow.toFixed(1)} times as slow`);
    }
    turn(false, '');
  })();
  return () => stop.abort();
}

/** How many times longer it took by the clock than on the processor. */
function spin(): number {
  const from = performance.now();
  const used = process.cpuUsage();
  for (;;) {
    const { user, system } = process.cpuUsage(used);
    if ((user + system) / 1000 >= work) break;
  }
  return (performance.now() - from) / work;
}
