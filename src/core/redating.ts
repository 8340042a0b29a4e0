/** Dates of our own, told anew where our idea of a provider's time is another by now: no time has passed by that. */
import type { SecretRecord } from './record.ts';
import { type Duration, type Instant, seconds } from './time.ts';

/** Clocks are compared by the second: less is no change. */
export const negligible: Duration = seconds(2);

/** What we waited for since then, and compare with nothing that a provider has dated. */
export const ownDates = ({ acquires = [], failures, leases, credentialSince }: SecretRecord): readonly Instant[] => [
  ...acquires,
  ...(credentialSince === undefined ? [] : [credentialSince]),
  ...Object.values(failures).map(({ at }) => at),
  ...leases.map(({ supersededAt }) => supersededAt).filter((at) => at !== undefined),
];

/** What is known of dates by their values: a new date must not be taken for another that was noted earlier. */
export interface Noted {
  /** How far our idea of the time has moved since then. */
  readonly moved: (noted: Instant) => Duration;
  readonly has: (at: Instant) => boolean;
}

/** Where nothing has moved it is the same record. */
export function redated(record: SecretRecord, { moved, has }: Noted): SecretRecord {
  const anew = (at: Instant): Instant => {
    if (Math.abs(moved(at)) < negligible) return at;
    let next = at + moved(at);
    while (has(next)) next++;
    return next;
  };
  if (ownDates(record).every((at) => anew(at) === at)) return record;
  return {
    ...record,
    ...(record.credentialSince !== undefined && { credentialSince: anew(record.credentialSince) }),
    ...(record.acquires && { acquires: record.acquires.map(anew).sort((a, b) => b - a) }),
    failures: Object.fromEntries(
      Object.entries(record.failures).map(([key, row]) => {
        const at = anew(row.at);
        return [key, { ...row, at, notBefore: row.notBefore + at - row.at }];
      }),
    ),
    leases: record.leases.map((held) =>
      held.supersededAt === undefined ? held : { ...held, supersededAt: anew(held.supersededAt) },
    ),
  };
}
