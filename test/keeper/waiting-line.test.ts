import fc from 'fast-check';
import { expect, test } from 'vitest';
import { WaitingLine } from '../../src/keeper/waiting-line.ts';

interface Entry {
  readonly secret: string;
  readonly deadline: number;
  readonly emergencyAt: number;
  readonly kinds?: readonly string[];
}

const wake = () => undefined;
const never = Number.POSITIVE_INFINITY;

/** What the line should say, in the plainest words: of those that wait, in the order of their coming. */
const firstOf = (entries: readonly Entry[]) =>
  entries.reduce<Entry | undefined>(
    (first, entry) => (first && first.deadline <= entry.deadline ? first : entry),
    undefined,
  );
const aliveOf = (entries: readonly Entry[], now: number) => entries.filter(({ deadline }) => deadline > now);

/** Which of them waits for something that is not to be had. */
const isShut = (kinds: readonly string[] | undefined) => kinds?.includes('shut') ?? true;

const kinds = fc.constantFrom([], ['open'], ['shut'], ['open', 'shut']);
const secret = fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f');
const deadline = fc.oneof(fc.integer({ min: 0, max: 12 }), fc.constant(never));
const move = fc.oneof(
  fc.record(
    { does: fc.constant('join' as const), secret, deadline, emergencyAt: fc.integer({ min: -5, max: 12 }), kinds },
    { requiredKeys: ['does', 'secret', 'deadline', 'emergencyAt'] },
  ),
  fc.record({ does: fc.constant('leave' as const), secret }),
);

test('whoever comes and goes, the line knows who is first, whose deadline is next, and what is at stake', () => {
  fc.assert(
    fc.property(fc.array(move, { maxLength: 40 }), fc.integer({ min: -1, max: 13 }), (moves, now) => {
      const line = new WaitingLine();
      const model = new Map<string, Entry>();
      let woken: string[] = [];
      for (const each of moves) {
        if (each.does === 'join') {
          line.join({ ...each, wake: () => woken.push(each.secret) });
          model.set(each.secret, each);
        } else {
          const left = model.get(each.secret);
          const same = [...model.values()].filter((other) => left && `${other.kinds}` === `${left.kinds}`);
          const heir = firstOf(same.filter((other) => other !== left));
          woken = [];
          expect(line.leave(each.secret, isShut)).toBe(model.delete(each.secret));
          const isHeard = left && isShut(left.kinds) && firstOf(same) === left;
          expect(woken).toEqual(isHeard && heir ? [heir.secret] : []);
        }
        const entries = [...model.values()];
        const alive = aliveOf(entries, now);
        const open = entries.filter((entry) => !isShut(entry.kinds));
        const first = firstOf(open);
        expect(line.first(isShut)?.secret).toBe(first?.secret);
        expect(line.first(() => false)?.secret).toBe(firstOf(entries)?.secret);
        if (first) expect(line.before(first.secret, isShut)).toBe(0);
        for (const entry of entries) {
          const same = entries.filter((other) => `${other.kinds}` === `${entry.kinds}`);
          const isFirst = firstOf(same) === entry;
          expect(line.isFirstOfItsKinds(entry.secret)).toBe(isFirst);
          const sooner = open.filter((other) => other.deadline < entry.deadline).length;
          expect(line.before(entry.secret, isShut)).toBeGreaterThanOrEqual(sooner);
        }
        expect(line.deadline(now)).toBe(Math.min(never, ...alive.map((entry) => entry.deadline)));
        const stake = {
          deadline: Math.min(...alive.map((entry) => entry.deadline)),
          emergencyAt: Math.min(...alive.map((entry) => entry.emergencyAt)),
        };
        expect(line.stake(now)).toEqual(alive.length === 0 ? undefined : stake);
      }
    }),
    { numRuns: 500 },
  );
});

test('of two with the same deadline the one that came first stays first, also when it asks again', () => {
  const line = new WaitingLine();
  line.join({ secret: 'a', deadline: never, emergencyAt: never, wake });
  line.join({ secret: 'b', deadline: never, emergencyAt: never, wake });
  line.join({ secret: 'a', deadline: never, emergencyAt: never, wake });
  expect(line.first(() => false)?.secret).toBe('a');
  expect(line.before('b', () => false)).toBe(1);
});
