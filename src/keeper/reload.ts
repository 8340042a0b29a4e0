/** Tell the programs behind all sinks of a secret, once for each head that all sinks hold. */
import { checked } from '../core/deliveries.ts';
import { asLeaseError, LeaseError } from '../core/failure.ts';
import { headOf, holdingOf, type SecretRecord } from '../core/record.ts';
import { acknowledged, allSinks, type ReloadStep, reloading } from '../core/reloading.ts';
import { failed } from '../core/setbacks.ts';
import { type Outcome, run } from './loop.ts';
import { factsOf, inTime, now as nowOf, succeed, type Visit } from './secret.ts';
import { wakeLook, wakeOthers } from './waking.ts';

/** Do what is due, and have the secret looked at for what follows from it. */
export async function reload(visit: Visit): Promise<void> {
  const { name, rules } = visit.secret;
  const job = { kind: 'reload', secret: name } as const;
  await run<ReloadStep>(visit, {
    sink: allSinks,
    decide: (record) => reloading(record, rules, factsOf(visit)),
    act: (_, record, signal) => act(visit, record, signal),
    fail: (step, error, begun) => {
      const reason = inTime(visit, asLeaseError(error));
      return (record) => failed(record, step, reason, { begun, now: nowOf(visit) });
    },
    rest: async (record, { until }) => {
      await wakeOthers(visit, record);
      await wakeLook(visit, record);
      await succeed(visit, job, until);
    },
  });
}

async function act({ secret }: Visit, record: SecretRecord, signal: AbortSignal): Promise<Outcome> {
  const head = headOf(record);
  if (!head) throw new LeaseError('invalid', 'nothing to take up');
  // What was deleted meanwhile cannot be taken up: it is written again, and the programs told then.
  const lost = await emptied(secret, record, signal);
  if (lost !== undefined) return { change: (latest, now) => checked(latest, lost, false, secret.rules, now) };
  await secret.reload?.(signal);
  return { change: (latest) => acknowledged(latest, holdingOf(head)) };
}

/** A sink that does not hold any more what was written there. */
async function emptied({ sinks, hand }: Visit['secret'], record: SecretRecord, signal: AbortSignal) {
  for (const [name, { has }] of Object.entries(record.sinks)) {
    const isThere = has && (await hand.alone(name, async () => sinks[name]?.holds?.(has.mark, signal)));
    if (isThere === false) return name;
  }
  return undefined;
}
