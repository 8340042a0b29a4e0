/** What the store kept comes late to one of the first jobs, after others have gone on. */
import { expect, test } from 'vitest';
import { LeaseError } from '../../src/core/failure.ts';
import { minutes } from '../../src/core/time.ts';
import { aSink, aSource, pending, Stage } from './stage.ts';

test.each([1, 2, 3])('what comes to job %i then takes away nothing of what was taken meanwhile', async (which) => {
  const stage = new Stage();
  const source = aSource(stage);
  const gate = pending<undefined>();
  const values = stage.store.values.bind(stage.store);
  let calls = 0;
  stage.store.values = async (name) => {
    calls += 1;
    const isLate = calls === which;
    const kept = await values(name);
    if (isLate) await gate.promise;
    return kept;
  };
  let isOpen = false;
  const late = aSink();
  const write: typeof late.write = (...given) =>
    isOpen ? late.write(...given) : Promise.reject(new LeaseError('unavailable', 'no'));
  stage.add({ source, sinks: { file: aSink(), late: { ...late, write } } });
  await stage.until(minutes(1));
  gate.resolve(undefined);
  await stage.until(minutes(2));
  isOpen = true;
  await stage.until(minutes(10));
  expect(source.asked.filter((call) => call.startsWith('acquire'))).toHaveLength(1);
  expect(calls).toBeGreaterThanOrEqual(which);
});
