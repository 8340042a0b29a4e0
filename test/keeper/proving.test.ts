/** New values are proven before any sink sees them, ended ones taken back, and programs told a while after: on a stage. */
import { describe, expect, test } from 'vitest';
import { LeaseError } from '../../src/core/failure.ts';
import { Material } from '../../src/core/material.ts';
import { type Duration, days, hours, minutes, seconds } from '../../src/core/time.ts';
import { type SecretOptions, subjectOf } from '../../src/keeper/secret.ts';
import { createHealth } from '../../src/observability/health.ts';
import { createNarrator } from '../../src/observability/narrator.ts';
import type { Line } from '../../src/observability/words.ts';
import type { Source } from '../../src/sources/source.ts';
import { aSink, aSource, Stage } from './stage.ts';

const no = new LeaseError('invalid', '/checks/it: exit code 2 (0 lines of output, which are not kept)');
const silent = new LeaseError('unavailable', '/checks/it: took longer than 10 s and was killed');

/** What is said of each lease, as long as it is. */
type Opinion = (lease: string, now: number) => LeaseError | undefined;

function aStage(opinion: Opinion, change: Partial<SecretOptions> = {}, source: Partial<Source> = {}) {
  const stage = new Stage();
  const sink = aSink({
    remove: async () => {
      sink.asked.push(`remove at ${stage.now}`);
      sink.content = undefined;
    },
  });
  const proofs: string[] = [];
  const lender = aSource(stage, source);
  const secret = stage.add({
    source: lender,
    sinks: { file: sink },
    policy: { renewAt: 0.5, jitter: 0, grace: minutes(5), rotateAfter: (at) => at + minutes(20) },
    verify: async (material) => {
      const lease = (material.reveal('value') ?? '').replace('VALUE-', '');
      proofs.push(`${lease} at ${stage.now}`);
      const error = opinion(lease, stage.now);
      if (error) throw error;
    },
    ...change,
  });
  return { stage, sink, proofs, source: lender, secret };
}

/** All that people are told of it. */
function told({ stage, secret }: ReturnType<typeof aStage>) {
  const lines: Line[] = [];
  const tell = (line: Line) => lines.push(line) > 0;
  const narrator = createNarrator({ clock: stage.clock, tell, timer: () => () => undefined, isDebug: () => false });
  const health = createHealth({ clock: stage.clock });
  for (const one of [narrator, health]) {
    one.watch(subjectOf(secret));
    for (const event of stage.events) one.listen(event);
  }
  return { lines: lines.map(({ level, message }) => `${level}: ${message}`), health: health.secret('s') };
}

describe('a lease that is said not to work', () => {
  const isBad = (lease: string) => (lease === 'l2' ? no : undefined);

  test('and whose end somebody has to approve of is to be ended once, by whichever process, until a week has gone by', async () => {
    const asked: [string, boolean, number][] = [];
    let count = 0;
    const source: Partial<Source> = {
      acquire: async () => {
        const id = `l${++count}`;
        return { lease: { id, issuedAt: stage.now }, material: new Material({ value: `VALUE-${id}` }) };
      },
      revoke: async ({ id }, { isAsked = false }) => {
        asked.push([id, isAsked, stage.now]);
        if (id === 'l2') throw new LeaseError('invalid', 'to be approved of', { pending: !isAsked });
        return 'ended';
      },
    };
    const rotateAfter = (since: number) => (since === 0 ? minutes(20) : Number.POSITIVE_INFINITY);
    const policy = { renewAt: 0.5, jitter: 0, grace: minutes(5), rotateAfter };
    const { stage } = aStage(isBad, { policy }, source);
    await stage.until(minutes(30));
    stage.restart();
    stage.wakeAll('s');
    await stage.until(days(8));
    const ends = asked.filter(([id]) => id === 'l2');
    expect(ends.some(([, isAsked, at]) => isAsked && at > minutes(30))).toBe(true);
    const [first = 0, second = 0, ...more] = ends.filter(([, isAsked]) => !isAsked).map(([, , at]) => at);
    expect([first < minutes(30), second - first >= days(7), second - first < days(7) + hours(1)]).toEqual([
      true,
      true,
      true,
    ]);
    expect(more).toEqual([]);
  });

  test('never gets to a sink, is ended, and another one is taken; the one before is renewed meanwhile', async () => {
    const { stage, sink, proofs, source } = aStage(isBad);
    await stage.until(minutes(35));
    expect(sink.asked.filter((call) => call.startsWith('write'))).toEqual(['write l1', 'write l3']);
    expect(proofs.filter((proof) => proof.startsWith('l2'))).toHaveLength(3);
    // At once: it has no grace, since nobody was ever given it.
    expect(source.asked).toContain(`revoke at ${minutes(20) + seconds(3)}`);
    await stage.until(hours(1));
    expect(stage.thrown).toEqual([]);
  });

  test('again and again, does not become a storm, and does not cost the one that works', async () => {
    const { stage, sink, source } = aStage((lease) => (lease === 'l1' ? undefined : no));
    await stage.until(hours(12));
    expect(sink.content).toBe('VALUE-l1');
    expect(source.asked.filter((call) => call.startsWith('renew')).length).toBeGreaterThan(20);
    expect(source.asked.filter((call) => call.startsWith('acquire')).length).toBeLessThan(160);
    expect((await stage.record()).leases.length).toBeLessThan(4);
  });

  test('has it told why, until when the one before serves, and when the next is tried', async () => {
    const scene = aStage((lease) => (lease === 'l1' ? undefined : no));
    await scene.stage.until(minutes(20) + seconds(3.5));
    const { lines, health } = told(scene);
    const rejection = lines.filter((line) => line.includes('rejected'));
    expect(rejection).toEqual([
      `error: s: rejected the new lease (invalid: ${no.message}); the one before serves until 1970-01-01T01:00:00.000Z; ` +
        'the next is tried after 1970-01-01T00:20:04.000Z',
    ]);
    expect(lines.filter((line) => line.startsWith('warn: s: proving it failed'))).not.toEqual([]);
    expect(health?.reason).toContain(`the new lease was rejected: ${no.message}`);
    expect(health?.reason).toContain('the one before serves until 1970-01-01T01:00:00.000Z');
    expect(health?.failures.find(({ act }) => act === 'acquire')?.message).toContain('rejected');
  });
});

describe('a lease of which nobody can say whether it works', () => {
  const unheard: Opinion = (lease) => (lease === 'l1' ? undefined : silent);
  /** What is in use ends after an hour, its emergency is the last three minutes; what waits grows old as well. */
  const ending = { renew: async () => Promise.reject(new LeaseError('refused', 'no more')) };

  test('is given out when what is in use is about to end, where that is wanted, and it is said', async () => {
    const scene = aStage(unheard, { trusts: true }, ending);
    await scene.stage.until(minutes(57) - 1);
    expect(scene.sink.content).toBe('VALUE-l1');
    await scene.stage.until(minutes(57) + seconds(25));
    expect(scene.sink.content).toMatch(/VALUE-l[^1]/);
    const said = told(scene).lines.filter((line) => line.startsWith('warn: s: taken unproven'));
    expect(said).toHaveLength(1);
    expect(said[0]).toContain('because nobody could be asked whether it works');
  });

  test('is kept back to the end, and beyond it, where that is wanted', async () => {
    const { stage, sink } = aStage(unheard, { trusts: false }, ending);
    await stage.until(minutes(75));
    expect(sink.content).toBe('VALUE-l1');
  });

  test('is given out as soon as somebody says yes, however long that takes', async () => {
    const opinion: Opinion = (lease, now) => (lease === 'l1' || now > minutes(50) ? undefined : silent);
    const { stage, sink } = aStage(opinion, { trusts: false }, ending);
    await stage.until(minutes(50));
    expect(sink.content).toBe('VALUE-l1');
    await stage.until(minutes(53));
    expect(sink.content).toMatch(/VALUE-l[^1]/);
  });

  test('is not given out where nothing is in use that could end', async () => {
    const { stage, sink, source } = aStage(() => silent, { trusts: true });
    await stage.until(hours(3));
    expect(sink.asked).toEqual([]);
    expect(source.asked.filter((call) => call.startsWith('acquire')).length).toBeLessThan(3);
  });
});

describe('a value that has ended', () => {
  const margin = seconds(35);
  /** Nothing is to be had any more between these times, and what is had is not renewed. */
  const away = (stage: () => Stage, from: Duration, to: Duration): Partial<Source> => {
    let count = 0;
    return {
      acquire: async () => {
        const { now } = stage();
        if (now >= from && now < to) throw new LeaseError('unavailable', 'no connection');
        const id = `l${++count}`;
        return {
          lease: { id, issuedAt: now, expiresAt: now + hours(1) },
          material: new Material({ value: `VALUE-${id}` }),
        };
      },
    };
  };
  const scene = (takesBack: boolean) => {
    let stage = new Stage();
    const source = away(() => stage, 1, hours(2));
    const policy = { renewAt: 0.5, jitter: 0, grace: minutes(5) };
    const made = aStage(() => undefined, { takesBack, policy }, source);
    stage = made.stage;
    return made;
  };

  test('is taken back while there is no better one, and the sink filled when there is', async () => {
    const made = scene(true);
    const { stage, sink } = made;
    await stage.until(hours(1) + margin - 1);
    expect(sink.content).toBe('VALUE-l1');
    await stage.until(hours(1) + margin);
    expect(sink.content).toBeUndefined();
    expect(sink.asked).toContain(`remove at ${hours(1) + margin}`);
    const { lines, health } = told(made);
    expect(
      lines.filter((line) => line.startsWith('warn: s: file emptied, because what it held had ended')),
    ).toHaveLength(1);
    expect(health).toMatchObject({ ready: false, state: 'expired', sinks: [{ holds: 'nothing', owed: true }] });
    await stage.until(hours(2) + minutes(6));
    expect(sink.content).toBe('VALUE-l2');
    expect(sink.asked.filter((call) => call.startsWith('remove'))).toHaveLength(1);
    expect(told(made).health).toMatchObject({ ready: true });
  });

  test('stays where it is unless that is wanted', async () => {
    const { stage, sink } = scene(false);
    await stage.until(hours(2) - 1);
    expect(sink.content).toBe('VALUE-l1');
  });

  test('is left alone where others have put something else in its place', async () => {
    const { stage, sink } = scene(true);
    await stage.until(hours(1));
    sink.content = undefined;
    await stage.until(hours(2) - 1);
    expect(sink.asked.filter((call) => call.startsWith('remove'))).toEqual([]);
  });
});

describe('programs that are told a while after', () => {
  test('are told once of what changed within that time, also by the process that comes next', async () => {
    const stage = new Stage();
    const runs: string[] = [];
    const sink = aSink();
    const lives = [minutes(20), minutes(20) + seconds(10)];
    stage.add({
      source: aSource(stage),
      sinks: { file: sink },
      reload: async () => void runs.push(`${sink.content} at ${stage.now}`),
      reloadAfter: seconds(30),
      policy: { renewAt: 0.9, jitter: 0, grace: 0, rotateAfter: (at) => lives.find((life) => life > at) ?? hours(9) },
    });
    await stage.until(minutes(19));
    expect(runs).toEqual([`VALUE-l1 at ${seconds(30)}`]);
    await stage.until(minutes(20) + seconds(20));
    expect(sink.content).toBe('VALUE-l3');
    stage.restart();
    stage.wakeAll('s');
    await stage.until(minutes(20) + seconds(29));
    expect(runs).toHaveLength(1);
    await stage.until(minutes(30));
    expect(runs).toEqual([`VALUE-l1 at ${seconds(30)}`, `VALUE-l3 at ${minutes(20.5)}`]);
    expect((await stage.record()).acknowledged).toEqual({ lease: 'l3', generation: 0 });
  });
});
