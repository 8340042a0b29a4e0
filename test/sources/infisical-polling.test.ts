/** One question for many: who gets which answer, who waits for whom, and what is not kept. */
import { describe, expect, it } from 'vitest';
import { LeaseError, ProviderBlocked } from '../../src/core/failure.ts';
import { minutes, seconds } from '../../src/core/time.ts';
import { type Polled, polling } from '../../src/sources/infisical/polling.ts';

/** A question that is answered when the test says so. */
function asked() {
  const pending: { resolve(value: string): void; reject(error: unknown): void; signal: AbortSignal; last?: string }[] =
    [];
  let now = 1_000;
  const shared = polling<string>(
    (signal, last) =>
      new Promise((resolve, reject) => {
        pending.push({ resolve, reject, signal, ...(last && { last: last.content }) });
        signal.addEventListener('abort', () => reject(new LeaseError('unavailable', 'aborted')));
      }),
    { now: () => now },
  );
  return {
    pending,
    pass: (by: number) => {
      now += by;
    },
    outdate: shared.outdate,
    see: (signal = new AbortController().signal, besides?: Polled<string>) =>
      shared.see({ signal, within: minutes(1), besides }),
  };
}

const failure = new LeaseError('invalid', 'not allowed');
const failing = (call: Promise<unknown>) => call.then(() => 'answered').catch((error: Error) => error.message);

describe('a question', () => {
  it('is asked once by all who come before it is answered, and not again while that is young', async () => {
    const { see, pending, pass } = asked();
    const all = [see(), see(), see()];
    pending[0]?.resolve('one');
    const [first, ...others] = await Promise.all(all);
    expect(others).toEqual([first, first]);
    pass(minutes(1) - 1);
    expect(await see()).toBe(first);
    pass(1);
    const next = see();
    expect(pending[1]?.last).toBe('one');
    pending[1]?.resolve('two');
    expect(await next).toEqual({ content: 'two', at: 61_000 });
    expect(pending).toHaveLength(2);
  });

  it('counts its age from when it was asked', async () => {
    const { see, pending, pass } = asked();
    const slow = see();
    pass(seconds(50));
    pending[0]?.resolve('slow');
    expect((await slow).at).toBe(1_000);
    pass(seconds(10));
    void see();
    expect(pending).toHaveLength(2);
  });

  it('is asked again by who has had the answer', async () => {
    const { see, pending } = asked();
    const first = see();
    pending[0]?.resolve('one');
    const had = await first;
    const again = see(undefined, had);
    pending[1]?.resolve('two');
    const next = await again;
    expect(next.content).toBe('two');
    expect(await see(undefined, had)).toBe(next);
  });

  it('is given up by one without the others noticing, and ended when nobody waits', async () => {
    const { see, pending } = asked();
    const [one, other] = [new AbortController(), new AbortController()];
    const [first, second] = [see(one.signal), see(other.signal)];
    one.abort();
    expect(await failing(first)).toBe('given up before there was an answer');
    expect(pending[0]?.signal.aborted).toBe(false);
    other.abort();
    expect(await failing(second)).toBe('given up before there was an answer');
    expect(pending[0]?.signal.aborted).toBe(true);
    // That was nobody's failure: the next asks at once.
    const next = see();
    pending[1]?.resolve('two');
    expect((await next).content).toBe('two');
    expect(await failing(see(AbortSignal.abort()))).toBe('given up before it was asked');
  });

  it('fails for all, for as long as one alone would wait, and then a while longer each time', async () => {
    const { see, pending, pass } = asked();
    for (const [times, wait] of [0, 1, 2, 4, 8].entries()) {
      pass(seconds(wait));
      const all = [see(), see()].map(failing);
      pending[times]?.reject(failure);
      expect(await Promise.all(all)).toEqual(['not allowed', 'not allowed']);
      pass(seconds(wait) * 0.5);
      expect(await failing(see())).toBe('not allowed');
      pass(-seconds(wait) * 0.5);
      expect(pending).toHaveLength(times + 1);
    }
    pass(seconds(16));
    const well = see();
    pending[5]?.resolve('well');
    await well;
    // One success, and the row is over.
    const again = failing(see(undefined, await well));
    pending[6]?.reject(failure);
    await again;
    pass(seconds(1));
    void see(undefined, await well);
    expect(pending).toHaveLength(8);
  });

  it('is not kept silent about longer than answers are kept', async () => {
    const { see, pending, pass } = asked();
    for (let times = 0; times < 12; times += 1) {
      const one = failing(see());
      pending[times]?.reject(failure);
      await one;
      pass(minutes(1));
    }
    expect(pending).toHaveLength(12);
  });

  it('that could not be put is put again by the next', async () => {
    const { see, pending } = asked();
    const one = failing(see());
    pending[0]?.reject(new ProviderBlocked('NoToken', 0));
    expect(await one).toBe('NoToken');
    void see();
    expect(pending).toHaveLength(2);
  });

  it('that was asked before a change of ours is no answer to who asks after it', async () => {
    const { see, pending, outdate } = asked();
    const before = see();
    outdate();
    const after = see();
    pending[1]?.resolve('after');
    expect((await after).content).toBe('after');
    pending[0]?.resolve('before');
    expect((await before).content).toBe('before');
    expect((await see()).content).toBe('after');
    outdate();
    void see();
    expect(pending).toHaveLength(3);
  });
});
