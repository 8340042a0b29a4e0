/** What next for the programs that the secret itself tells, once for each head that all its sinks hold. */
import { choose, type Wait } from './agenda.ts';
import type { DeliveryStep } from './deliveries.ts';
import { givenUpFrom, isToBeTakenUp } from './endings.ts';
import {
  endOfHolding,
  fromThen,
  type Holding,
  headOf,
  holdingOf,
  isEverywhere,
  isSame,
  type SecretRecord,
  type SinkState,
  without,
} from './record.ts';
import type { Facts, Rules } from './rules.ts';
import { type Instant, tolerance } from './time.ts';
import { inDangerFrom } from './timetable.ts';

/** What is done to all sinks of a secret at once is done to this one. No sink has that name. */
export const allSinks = '*';

export type ReloadStep = DeliveryStep & { readonly act: 'reload' };

/** Decide whether the programs behind all sinks have to be told. */
export function reloading(record: SecretRecord, rules: Rules, facts: Facts): ReloadStep | Wait {
  const { now } = facts;
  const head = headOf(record);
  const agenda: ReloadStep[] = [];
  const uses = Object.values(record.sinks).flatMap((state) => state.uses);
  if (rules.reloads && head && isToBeTakenUp(record, head, uses, rules, facts)) {
    const holding = holdingOf(head);
    if (isEverywhere(record, rules.sinks, holding) && !isSame(holding, record.acknowledged)) {
      const deadline = Math.min(...uses.map((each) => endOfHolding(record, each)).filter((end) => end > now));
      const at = Math.max(dueAt(record, holding, rules, now), givenUpFrom(head, record, uses, rules, facts));
      agenda.push({ act: 'reload', to: allSinks, because: 'Unacknowledged', at, deadline, emergencyAt: deadline });
    }
  }
  return choose(agenda, record.failures, now);
}

/** Some time after the first change, but not once what they use besides is about to end. */
function dueAt({ untoldSince, ...record }: SecretRecord, head: Holding, { reloadAfter }: Rules, now: Instant): Instant {
  if (reloadAfter === undefined || untoldSince === undefined) return now;
  // One that lies ahead was noted by a clock that was set back since.
  if (untoldSince > now + tolerance) return now;
  return Math.min(
    untoldSince + reloadAfter,
    inDangerFrom(record, (other) => !isSame(other, head), now),
  );
}

/** The record, with the date since when the programs have not been told of something, where that matters. */
export function withUntold(record: SecretRecord, rules: Rules, now: Instant): SecretRecord {
  const isUntold = Object.values(record.sinks).some(({ has }) => has && !isSame(has, record.acknowledged));
  if (!rules.reloads || rules.reloadAfter === undefined || !isUntold) return without(record, 'untoldSince');
  return { ...record, untoldSince: record.untoldSince ?? now };
}

/** All programs have taken these values up. A sink that was given others meanwhile waits for those to be taken up. */
export const acknowledged = (record: SecretRecord, what: Holding): SecretRecord => ({
  ...without(record, 'untoldSince'),
  acknowledged: { lease: what.lease, generation: what.generation },
  sinks: Object.fromEntries(
    Object.entries(record.sinks).map(([name, state]): [string, SinkState] => [
      name,
      isSame(what, state.has) && state.has?.reloaded ? { ...state, uses: fromThen(state.uses, what) } : state,
    ]),
  ),
});
