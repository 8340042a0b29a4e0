/** Changes of a simulated Lockbox: done at once, later, or accepted and never done. Contract 4. */
import type { Duration, Instant } from '../../src/core/time.ts';
import type { Issued } from './issued.ts';
import { type Dice, idle, type Timeline } from './timeline.ts';
import type { Versions } from './versions.ts';

export interface Operation {
  readonly id: string;
  readonly versionId: string;
  isDone: boolean;
  code?: number;
}

export interface Change {
  readonly versionId: string;
  /** What stands in its way, by the numbers of gRPC. */
  readonly check: () => number | undefined;
  readonly act: () => void;
  /** It was accepted: the keeper is judged by what it asked for. */
  readonly onAccepted?: () => void;
}

/** What an accepted change fails with: what may be better the next time. */
const lateFailures = [8, 10, 13, 14] as const;

const longestWork: Duration = 20_000;

export class Operations {
  readonly #versions: Versions;
  readonly #timeline: Timeline;
  readonly #dice: Dice;
  readonly #byId = new Map<string, Operation>();
  readonly #byKey = new Map<string, Operation>();
  /** After the trouble all is done at once. */
  isCalm = false;
  /** Called when a change takes its time, or fails late. */
  onLate: (until: Instant, hasFailed: boolean) => void = () => undefined;

  constructor(versions: Versions, timeline: Timeline, dice: Dice) {
    this.#versions = versions;
    this.#timeline = timeline;
    this.#dice = dice;
  }

  get isBusy(): boolean {
    return [...this.#byId.values()].some(({ isDone }) => !isDone);
  }

  of = (id: string): Operation | undefined => this.#byId.get(id);

  /** What came of the same request before. */
  before = (key: string | undefined): Operation | undefined => (key === undefined ? undefined : this.#byKey.get(key));

  /** A change of that version, which has to be in one of these states, then and when it is done. */
  changeOf(versionId: string, states: readonly string[], act: (issued: Issued) => void): Change {
    const issued = this.#versions.leases.get(versionId);
    return {
      versionId,
      check: () => (!issued ? 5 : states.includes(this.#versions.stateOf(issued)) ? undefined : 9),
      act: () => issued && act(issued),
    };
  }

  /** Answers with what stands in its way, as a number of gRPC, or else with the operation that it has become. */
  begin(key: string | undefined, { versionId, check, act, onAccepted }: Change): Operation | number {
    const refused = check();
    if (refused !== undefined) return refused;
    const { late, failing } = this.#versions.how;
    const takes = !this.isCalm && this.#dice.chance(late) ? this.#dice.between(100, longestWork) : 0;
    const hasFailed = !this.isCalm && this.#dice.chance(failing);
    const operation: Operation = { id: `op-${this.#byId.size + 1}`, versionId, isDone: false };
    this.#byId.set(operation.id, operation);
    if (key !== undefined) this.#byKey.set(key, operation);
    if (takes > 0 || hasFailed) this.onLate(this.#timeline.now() + takes, hasFailed);
    onAccepted?.();
    const fail = () => {
      operation.code ??= this.#dice.oneOf(...lateFailures);
    };
    const finish = () => {
      const code = hasFailed ? undefined : check();
      if (hasFailed) fail();
      else if (code === undefined) act();
      else operation.code = code;
      operation.isDone = true;
      return idle;
    };
    if (takes === 0) finish();
    else this.#timeline.after(takes, finish);
    // It may be said before all is undone.
    if (hasFailed && takes > 0 && this.#dice.chance(0.5)) {
      this.#timeline.after(takes / 2, () => {
        fail();
        return idle;
      });
    }
    return operation;
  }
}
