/** A world in which nobody of ours is at work: what the judge says of it is said of what a test does. */
import { Material } from '../../src/core/material.ts';
import { hours, minutes, seconds } from '../../src/core/time.ts';
import { Life } from './life.ts';
import type { SinkPlace } from './place.ts';
import type { SecretPlan } from './plan.ts';
import { aDynamic, aSecret, aStory } from './quiet.ts';
import { World } from './world.ts';

const twoSinks: SecretPlan['sinks'] = [['by the sink'], ['by the sink']];

/** A world in which nobody of ours is at work: what the judge says is said of what a test does. */
export function aWorld(nature = aDynamic(minutes(20), 4), isExclusive = false, sinks: SecretPlan['sinks'] = twoSinks) {
  const world = new World(5, aStory(aSecret(nature, { isExclusive, isVerified: true, sinks }), { trouble: hours(2) }));
  const [kept] = world.kept;
  const [place] = kept?.places ?? [];
  if (!kept || !place) throw new Error('there is one');
  const life = new Life(world.timeline);
  const sink = place.sink(life, world.chaos);
  const { issuer } = kept;
  return { world, kept, place, issuer, life, sink, signal: life.abort.signal };
}

export const delivery = (value: string) => ({
  secret: 's',
  lease: 'l',
  generation: 0,
  sequence: 1,
  material: new Material({ value }),
});

/** Taken, delivered and taken up. */
export async function inUse({ world, issuer, sink, signal }: ReturnType<typeof aWorld>): Promise<string> {
  const { value } = issuer.acquire('key');
  const writing = sink.write(delivery(value), signal);
  await world.timeline.runUntil(world.timeline.now() + seconds(2));
  await writing;
  const reloading = sink.reload?.(signal);
  await world.timeline.runUntil(world.timeline.now() + seconds(2));
  await reloading;
  return value;
}

export const usedBy = (place: SinkPlace) => place.programs[0]?.loaded;
