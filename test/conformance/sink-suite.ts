/** What every sink keeps to. It asks the sink what it can do and tests just that. */
import { createHash } from 'node:crypto';
import { inspect } from 'node:util';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { LeaseError } from '../../src/core/failure.ts';
import { Material } from '../../src/core/material.ts';
import type { Delivery, Sink } from '../../src/sinks/sink.ts';

export type Values = Readonly<Record<string, string>>;

export interface SinkSubject {
  readonly sink: Sink;
  /** The same place, as a later process of ours finds it. Absent: it does not outlive the process. */
  later?(): Sink;
  /** What a reader finds. */
  read(): Values | undefined | Promise<Values | undefined>;
  /** Others have something there before us. */
  readonly isShared?: boolean;
  /** It is in a process of its own, where an abort is known only a little later. */
  readonly isApart?: boolean;
  /** Equal before and after, if nothing at the place was changed. */
  snapshot(): Promise<unknown>;
  /** Everything that was left at the place besides the values' own, and all that was printed. */
  elsewhere(): Promise<string>;
  /** Reads all the time. Answers with how often, how many different values it saw, and everything that was not whole. */
  watch(): Promise<() => Promise<{ reads: number; seen: number; odd: readonly string[] }>>;
  end(): Promise<void>;
}

export interface SinkFixture<Subject extends SinkSubject> {
  open(): Promise<Subject>;
  /** How many times it is rewritten while somebody reads. Absent: it does not promise to be whole meanwhile. */
  readonly rewrites?: number;
  /** Ways to make a write fail, each answering with how to mend it. */
  readonly troubles: Readonly<Record<string, (subject: Subject) => Promise<() => Promise<void>>>>;
  /** Those of them after which nobody can say whether the values have come there. */
  readonly unsure?: readonly string[];
  /** Those of them that only a write can meet: a check succeeds. */
  readonly unforeseen?: readonly string[];
  /** Things that others do to what was written, after which it is no longer what we wrote. */
  readonly spoils: Readonly<Record<string, (subject: Subject) => Promise<void>>>;
}

const canary = 'CANARY-d41d8cd98f';

export function sinkSuite<Subject extends SinkSubject>(name: string, fixture: SinkFixture<Subject>): void {
  describe(`the sink ${name}`, () => {
    let subject: Subject;
    beforeEach(async () => {
      subject = await fixture.open();
    });
    afterEach(() => subject.end());

    const write = (number: number, signal = going()) => subject.sink.write(aDelivery(number), signal);
    /** Nothing of the values is anywhere but where it belongs. */
    const expectNoTrace = async (...told: unknown[]) => {
      expect(inspect(told, { depth: null })).not.toContain(canary);
      expect(await subject.elsewhere()).toBe('');
    };

    test('has what was written, whole, and answers with a mark that tells nothing of it', async () => {
      const mark = await write(1);
      expect(await subject.read()).toEqual(valuesOf(1));
      await expectNoTrace(mark);
    });

    test('written twice is written once', async () => {
      const mark = await write(1);
      expect(await write(1)).toBe(mark);
      expect(await subject.read()).toEqual(valuesOf(1));
      await expectNoTrace();
    });

    const { rewrites } = fixture;
    if (rewrites !== undefined) {
      test(`is read whole, old or new, by somebody who reads all the time while it is written ${rewrites} times`, async () => {
        await write(0);
        const stop = await subject.watch();
        for (let number = 1; number <= rewrites; number += 1) await write(number);
        const { reads, seen, odd } = await stop();
        expect(odd).toEqual([]);
        expect(seen).toBeGreaterThan(5);
        expect(reads).toBeGreaterThanOrEqual(seen);
        await expectNoTrace();
      });
    }

    test('knows whether it still holds what it wrote, also in a later process', async () => {
      const first = await write(1);
      expect(await subject.sink.holds?.(first, going())).not.toBe(false);
      expect(await subject.later?.().holds?.(first, going())).not.toBe(false);
      const second = await write(2);
      expect(second).not.toBe(first);
      expect(await subject.sink.holds?.(first, going())).not.toBe(true);
      expect(await subject.sink.holds?.(second, going())).not.toBe(false);
      expect(await subject.sink.holds?.('no mark of ours', going())).not.toBe(true);
    });

    test('knows after another process that it has something else, or says that it cannot be read back', async () => {
      const { later } = subject;
      if (!later) return expect(await subject.sink.holds?.('no mark of ours', going())).toBe(false);
      const mark = await write(1);
      await later().write(aDelivery(2), going());
      const third = later();
      const isBelieved = third.isBelieved === true || third.holds === undefined;
      expect((await third.holds?.(mark, going())) ?? true).toBe(isBelieved);
    });

    test('knows whether anything is there already, if it can be read back by a process that remembers nothing', async () => {
      const { sink, later } = subject;
      const isRead = later !== undefined && sink.holds !== undefined && !sink.isBelieved;
      const isTaken = async () => (later?.() ?? sink).isTaken?.(going());
      const empty = isRead ? subject.isShared === true : undefined;
      expect(await isTaken()).toBe(empty);
      await sink.check?.(going());
      expect(await isTaken()).toBe(empty);
      const before = await write(1);
      expect(await isTaken()).toBe(isRead ? true : undefined);
      expect(await sink.holds?.(before, going())).not.toBe(false);
      await expectNoTrace();
    });

    for (const [what, spoil] of Object.entries(fixture.spoils)) {
      test(`does not hold it any more, and mends it by the next write, after ${what}`, async () => {
        const mark = await write(1);
        await spoil(subject);
        expect(await subject.sink.holds?.(mark, going())).toBe(false);
        expect(await write(1)).toBe(mark);
        expect(await subject.sink.holds?.(mark, going())).toBe(true);
        expect(await subject.read()).toEqual(valuesOf(1));
      });
    }

    for (const [what, happen] of Object.entries(fixture.troubles)) {
      test(`keeps the old values, leaves nothing behind and heals, where a write fails: ${what}`, async () => {
        const before = await write(1);
        const mend = await happen(subject);
        const check = await failureOf(subject.sink.check?.(going()));
        const error = await failureOf(write(2));
        await mend();
        if (fixture.unforeseen?.includes(what)) expect(check).toBe('it succeeded');
        else expect(check).toBeInstanceOf(LeaseError);
        expect(error).toBeInstanceOf(LeaseError);
        if (subject.sink.saysUnsure) expect((error as LeaseError).unsure).toBe(fixture.unsure?.includes(what) ?? false);
        expect(await subject.read()).toEqual(valuesOf(1));
        expect(await subject.sink.holds?.(before, going())).not.toBe(false);
        await expectNoTrace(check, error);
        await subject.sink.check?.(going());
        await write(2);
        expect(await subject.read()).toEqual(valuesOf(2));
        await expectNoTrace();
      });
    }

    test('is not changed by a check, neither empty nor with values', async () => {
      const empty = await subject.snapshot();
      await subject.sink.check?.(going());
      expect(await subject.snapshot()).toEqual(empty);
      await write(1);
      const full = await subject.snapshot();
      expect(full).not.toEqual(empty);
      await subject.sink.check?.(going());
      expect(await subject.snapshot()).toEqual(full);
    });

    test('takes nothing once the signal has aborted', async () => {
      await write(1);
      const full = await subject.snapshot();
      const error = await failureOf(write(2, AbortSignal.abort()));
      expect(error).toBeInstanceOf(LeaseError);
      expect(await subject.snapshot()).toEqual(full);
      if (subject.sink.remove)
        expect(await failureOf(subject.sink.remove(AbortSignal.abort()))).toBeInstanceOf(LeaseError);
      expect(await subject.snapshot()).toEqual(full);
      await expectNoTrace(error);
    });

    /** Have it done, abort after so many turns, and tell what came of it. */
    const abortAfter = async (turns: number, act: (signal: AbortSignal) => Promise<unknown>) => {
      const abort = new AbortController();
      const outcome = act(abort.signal).then(
        () => 'done',
        (error: unknown) => error,
      );
      for (let turn = 0; turn < turns; turn += 1) await new Promise(setImmediate);
      const then = subject.isApart ? undefined : subject.read();
      abort.abort();
      const told = await outcome;
      if (told !== 'done') await expectNoTrace(told);
      if (!subject.isApart) expect(await subject.read()).toEqual(await then);
      return told;
    };

    test('takes nothing more once the signal has aborted, and has answered where it took something before', async () => {
      await write(0);
      // What was sent cannot be called back: it may land all the same, and the error says that it is unsure.
      let possible = [0];
      for (let number = 1; number <= 80; number += 1) {
        const told = await abortAfter(number / 2, (signal) => write(number, signal));
        if (told === 'done') possible = [number];
        else if (told instanceof LeaseError && told.unsure) possible.push(number);
        expect(possible.map(valuesOf)).toContainEqual(await subject.read());
      }
    });

    test('loses nothing more once the signal has aborted', async () => {
      for (let turns = 0; turns < 20; turns += 1) {
        await write(turns);
        const told = await abortAfter(turns, async (signal) => subject.sink.remove?.(signal));
        if (told !== 'done' || !subject.sink.remove) expect(await subject.read()).toEqual(valuesOf(turns));
        else expect(await subject.read()).toBeUndefined();
      }
    });

    test('has nothing after a removal, and a second one does no harm', async () => {
      const empty = await subject.snapshot();
      await subject.sink.remove?.(going());
      const mark = await write(1);
      await subject.sink.remove?.(going());
      await subject.sink.remove?.(going());
      if (!subject.sink.remove) return expect(await subject.read()).toEqual(valuesOf(1));
      expect(await subject.read()).toBeUndefined();
      expect(await subject.snapshot()).toEqual(empty);
      expect(await subject.sink.holds?.(mark, going())).not.toBe(true);
    });
  });
}

const going = (): AbortSignal => new AbortController().signal;

/** Values that tell by themselves whether they belong together, of very different length. */
export function valuesOf(number: number): Values {
  const filler = `${canary} `.repeat((number * 7919) % 1_500);
  return {
    number: String(number),
    filler,
    check: createHash('sha256')
      .update(number + filler)
      .digest('hex'),
  };
}

const aDelivery = (number: number): Delivery => ({
  secret: 's',
  lease: `l${number}`,
  generation: 0,
  sequence: number,
  material: new Material(valuesOf(number)),
});

const failureOf = (promise: Promise<unknown> | undefined): Promise<unknown> =>
  promise === undefined
    ? Promise.resolve(new LeaseError('unavailable', 'it has no such ability'))
    : promise.then(
        () => 'it succeeded',
        (error: unknown) => error,
      );
