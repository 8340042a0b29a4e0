/** What the keeper tells the world. Logs, metrics, history and the status page listen; nobody answers. */
import type { Wait } from '../core/agenda.ts';
import type { Step } from '../core/decide.ts';
import type { DeliveryStep } from '../core/deliveries.ts';
import type { BlockReason, FailureCode } from '../core/failure.ts';
import type { SecretRecord } from '../core/record.ts';
import type { Rules } from '../core/rules.ts';
import type { Duration, Instant } from '../core/time.ts';

/** Done to the source, to one sink, or to the programs behind all of them (`to` is then `allSinks`). */
export type AnyStep = Step | DeliveryStep;

export type KeeperEvent =
  /** What was decided, and why; for one of its sinks, or by a look. The debug log, and when the next look is. */
  | {
      readonly type: 'decided';
      readonly secret: string;
      readonly step: AnyStep | Wait;
      readonly sink?: string;
    }
  /** Something was done, or failed. Counters, histograms, the info log, the history. */
  | Done
  /** The record changed. Gauges, readiness and the status page are a function of it: `statusOf`. */
  | { readonly type: 'changed'; readonly secret: string; readonly record: SecretRecord; readonly at: Instant }
  /** A job was begun, so long after its date. */
  | { readonly type: 'begun'; readonly secret: string; readonly lateness: Duration }
  /** Nothing is asked of this provider before then, or nothing of one kind. Absent `until`: it may be asked again. */
  | {
      readonly type: 'blocked';
      readonly provider: string;
      readonly until?: Instant;
      readonly because?: BlockReason;
      readonly kind?: string;
    }
  /** So many leases were left to their own end, because nobody could end them or tell whose they are. */
  | { readonly type: 'orphaned'; readonly secret: string; readonly count: number };

export interface Done {
  readonly type: 'done';
  readonly secret: string;
  readonly step: AnyStep;
  readonly outcome: 'ok' | 'blocked' | FailureCode;
  /** The error's words for people; they contain no value. */
  readonly message?: string;
  readonly at: Instant;
  readonly took: Duration;
  /** The record as it is after it, and what it means for this act: what happens next, and when. */
  readonly record: SecretRecord;
  readonly next: AnyStep | Wait;
}

export type Emit = (event: KeeperEvent) => void;

/** What listeners know of a configured secret: names from the configuration, and its rules. */
export interface Subject {
  readonly name: string;
  /** The source's type. */
  readonly source: string;
  readonly provider: string;
  readonly required: boolean;
  /** A provider's access token: kept by the loop, and named after its provider. */
  readonly isToken: boolean;
  /** By sink name, the sink's type. */
  readonly sinkTypes: Readonly<Record<string, string>>;
  /** Sinks whose programs see new values by themselves: there is nobody to tell. */
  readonly idleReloads: readonly string[];
  readonly rules: Rules;
  /** The time in which the record's dates are given: the provider's. */
  readonly now: () => Instant;
}
