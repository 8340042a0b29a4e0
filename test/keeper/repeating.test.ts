/** A provider that answers with the same token again while it is far from its end: nobody is left without one, and nothing failed. */
import { expect, test } from 'vitest';
import { Material } from '../../src/core/material.ts';
import { statusOf } from '../../src/core/status.ts';
import { days, hours, type Instant, minutes } from '../../src/core/time.ts';
import { aSink, aSource, Stage } from './stage.ts';

const life = hours(12);

/** Another one is only to be had so long before the end of the last. */
const daysWith = async (another: number) => {
  const stage = new Stage();
  const issued: Instant[] = [];
  let asked = 0;
  const acquire = async () => {
    asked++;
    const last = issued.at(-1);
    if (last === undefined || stage.now > last + life - another) issued.push(stage.now);
    const at = issued.at(-1) ?? 0;
    const lease = { id: `t${at}`, issuedAt: at, expiresAt: at + life, maxExpiresAt: at + life, repeats: true as const };
    return { lease, material: new Material({ value: String(at) }) };
  };
  const { renew: _, revoke: __, ...source } = aSource(stage, { acquire });
  const sink = aSink();
  stage.add({ source, sinks: { memory: sink }, policy: { renewAt: 0.67, jitter: 0.1, grace: minutes(1) } });
  const gaps: Instant[] = [];
  let failures = 0;
  for (let at = minutes(1); at < days(5); at += minutes(1)) {
    await stage.until(at);
    if (Number(sink.content) + life <= at) gaps.push(at);
    const { rules } = stage.visit().secret;
    failures = Math.max(failures, statusOf(await stage.record(), rules, at).failures['acquire'] ?? 0);
  }
  return { gaps, failures, asked, issued: issued.length };
};

test.each([hours(11), hours(3), minutes(10)])(
  'over days there is always a living token, and never a failure, though a new one is only to be had %i ms before the end',
  async (another) => {
    const { gaps, failures, asked, issued } = await daysWith(another);
    expect(gaps).toEqual([]);
    expect(failures).toBe(0);
    expect(issued).toBeGreaterThan(9);
    // Every five minutes at the most, once it is time.
    expect(asked).toBeLessThan(issued + days(5) / minutes(5));
  },
);
