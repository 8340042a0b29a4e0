import { expect, test } from 'vitest';
import { hours, minutes, seconds } from '../../src/core/time.ts';
import { aDynamic, aSecret, quietPlan } from './quiet.ts';
import { World } from './world.ts';

test(
  'a provider that hangs with a thousand secrets due makes no lease of another provider late by more than 2 s',
  async () => {
    const many = Array.from({ length: 1000 }, (_, i) =>
      aSecret(aDynamic(minutes(10), 24), { name: `many${i}`, sinks: [['never']] }),
    );
    const few = Array.from({ length: 10 }, (_, i) =>
      aSecret(aDynamic(minutes(2), 24), { name: `few${i}`, sinks: [['by the sink']] }),
    );
    const world = new World(1, {
      ...quietPlan,
      houses: [
        { name: 'A', secrets: many },
        { name: 'B', secrets: few },
      ],
      outages: [{ place: 'hang/A', from: minutes(3), to: minutes(11) }],
      trouble: minutes(11),
    });
    world.wakes.concurrency = 50;
    let latest = 0;
    let looks = 0;
    const living = world.live();
    world.wakes.onBegun = (job, lateness) => {
      if (!job.secret.startsWith('few')) return;
      looks++;
      // The rush of the first seconds, when a thousand are taken at once, is no fault of a hanging provider.
      if (world.timeline.now() > minutes(2)) latest = Math.max(latest, lateness);
    };
    expect(await living).toEqual([]);
    expect(looks).toBeGreaterThan(150);
    expect(latest).toBeLessThanOrEqual(seconds(2));
  },
  hours(1),
);
