/** Many secrets at one provider: each has its turn as soon as there is one, and none waits for a date. */
import { expect, test } from 'vitest';
import { LeaseError } from '../../src/core/failure.ts';
import { minutes, seconds } from '../../src/core/time.ts';
import { aSink, aSource, pending, Stage } from './stage.ts';

const count = 30;

/** All at one gate with two slots; answers with how many of them have their values in their sinks. */
function aCrowd(stage: Stage, check?: () => Promise<void>) {
  const gate = stage.gate('p', 2);
  const sinks = Array.from({ length: count }, (_, i) => {
    const sink = aSink(check && { check });
    stage.add({ name: `s${i}`, source: aSource(stage), gate, sinks: { file: sink } });
    return sink;
  });
  return { gate, delivered: () => sinks.filter(({ content }) => content !== undefined).length };
}

test('all that wait for a token have what they need as soon as there is one', async () => {
  const stage = new Stage();
  const { gate, delivered } = aCrowd(stage);
  gate.block(minutes(5), 'NoToken');
  await stage.until(seconds(10));
  expect(delivered()).toBe(0);
  gate.unblock();
  await stage.until(seconds(10));
  expect(delivered()).toBe(count);
});

test('all whose sinks can be written to at the same moment have their turn one after the other', async () => {
  const stage = new Stage();
  const open = pending<void>();
  const { delivered } = aCrowd(stage, () => open.promise);
  await stage.until(seconds(4));
  open.resolve();
  await stage.until(seconds(4));
  expect(delivered()).toBe(count);
});

test('a sink that cannot be written to takes nobody else their turn', async () => {
  const stage = new Stage();
  let asked = 0;
  const { delivered } = aCrowd(stage, async () => {
    if (asked++ % 3 === 0) throw new LeaseError('unavailable', 'read-only');
  });
  await stage.until(0);
  expect(delivered()).toBe((count * 2) / 3);
});
