/** While a provider answers nobody: each that is in danger has its turn to ask, however many ask in vain for what fails. */
import { expect, test } from 'vitest';
import { LeaseError } from '../../src/core/failure.ts';
import { Material } from '../../src/core/material.ts';
import { minutes, seconds } from '../../src/core/time.ts';
import { aSink, aSource, lent, Stage } from './stage.ts';

const isDown = minutes(30);
const inDanger = minutes(57);

/** Leases of an hour; from half an hour on all acquires fail, but for one of a secret whose end comes last. */
function aCrowd(count: number) {
  const stage = new Stage();
  const gate = stage.gate();
  const asked: { readonly name: string; readonly at: number }[] = [];
  const add = (name: string, life: number, isWell: boolean) => {
    const source = aSource(stage, {
      acquire: async () => {
        const { now } = stage;
        if (now > isDown) asked.push({ name, at: now });
        if (now > isDown && !isWell) throw new LeaseError('unavailable', 'its database is away');
        const { renewal: _, ...lease } = lent(`${name}-${now}`, now, { expiresAt: now + life });
        return { lease, material: new Material({ value: name }) };
      },
    });
    const policy = { renewAt: 0.9, jitter: 0, grace: minutes(1) };
    stage.add({ name, source, gate, sinks: { file: aSink() }, policy });
  };
  for (let i = 0; i < count; i++) add(`away${i}`, minutes(60) + seconds(i), false);
  const askedBy = (name: string) => asked.filter((one) => one.name === name).map(({ at }) => at);
  return { stage, asked, add, askedBy };
}

test.each([4, 12, 40])('beside %s that fail one that would be answered is heard long before its end', async (count) => {
  const { stage, asked, add, askedBy } = aCrowd(count);
  add('well', minutes(60) + seconds(count), true);
  await stage.until(minutes(62));
  const [answered = Number.POSITIVE_INFINITY] = askedBy('well');
  expect(answered).toBeLessThan(inDanger + seconds(2 * count + 30));
  // One after the other, a second apart at least, until there was an answer.
  const before = asked.filter(({ at }) => at > inDanger && at < answered).map(({ at }) => at);
  for (const [i, at] of before.entries()) expect(at - (before[i - 1] ?? 0)).toBeGreaterThanOrEqual(seconds(1));
  expect(new Set(asked.filter(({ at }) => at < answered).map(({ name }) => name)).size).toBeGreaterThan(1);
});

test('one that holds nothing has its turn as well', async () => {
  const { stage, add, askedBy } = aCrowd(12);
  await stage.until(inDanger);
  add('new', minutes(60), true);
  await stage.until(minutes(60));
  expect(askedBy('new')).toHaveLength(1);
});
