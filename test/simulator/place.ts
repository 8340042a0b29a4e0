/** A sink, and the programs behind it that use what they find there. */
import { LeaseError } from '../../src/core/failure.ts';
import type { Material } from '../../src/core/material.ts';
import type { Duration, Instant } from '../../src/core/time.ts';
import type { Delivery, Sink } from '../../src/sinks/sink.ts';
import type { Chaos } from './chaos.ts';
import type { Life } from './life.ts';
import { type Dice, idle, type Timeline } from './timeline.ts';

/** A program takes up what is there by itself, when the sink's own reload tells it to, or when the secret's does. */
export interface Program {
  readonly told: 'never' | 'by the sink' | 'by the secret';
  loaded: string | undefined;
}

/** Between the two steps of a write. */
const longestSwap: Duration = 3;

export const torn = 'VALUE:torn.0';

export class SinkPlace {
  content: string | undefined;
  readonly programs: readonly Program[];
  readonly name: string;
  readonly secret: string;
  /** Something here was replaced. */
  onChange: (place: SinkPlace, before: string | undefined) => void = () => undefined;
  /** What is written of these. */
  valueOf = (material: Material): string => material.reveal('value') ?? '';
  /** Somebody is about to write this. */
  onGiven: (delivery: Delivery) => void = () => undefined;
  /** What nobody may do to a sink. */
  onAbuse: (what: string) => void = () => undefined;
  writes = 0;
  /** When what is there, or used, last became another. */
  changedAt: Instant = 0;
  reloads = 0;
  /** Somebody was told that what is there was put there. */
  isHeard = false;
  /** No reload came since it was written. */
  isUnread = false;
  /** Somebody was told of a reload that came since. */
  isAcknowledged = false;
  #writing: { readonly life: Life; isTorn: boolean } | undefined;
  #calls: { readonly life: Life; readonly name: string }[] = [];
  readonly #timeline: Timeline;
  readonly #dice: Dice;

  constructor(secret: string, name: string, told: readonly Program['told'][], timeline: Timeline, dice: Dice) {
    this.secret = secret;
    this.name = name;
    this.programs = told.map((how) => ({ told: how, loaded: undefined }));
    this.#timeline = timeline;
    this.#dice = dice;
  }

  get path(): string {
    return `${this.secret}/${this.name}`;
  }

  uses = (value: string): boolean => this.content === value || this.programs.some(({ loaded }) => loaded === value);

  sink(life: Life, chaos: Chaos): Sink {
    const call = <T>(place: string, name: string, signal: AbortSignal, effect: () => T): Promise<T> =>
      this.#alone(life, name, () =>
        chaos.call({
          life,
          place: `${place}/${this.path}`,
          who: this.path,
          signal,
          effect,
          isVoidable: place === 'sink',
        }),
      );
    const isReloaded = this.programs.some(({ told }) => told === 'by the sink');
    return {
      check: (signal) => call('sink', 'check', signal, () => undefined),
      isTaken: () => Promise.resolve(this.content !== undefined),
      write: (delivery, signal) =>
        this.#alone(life, 'write', async () => {
          this.onGiven(delivery);
          const mark = await chaos.call({
            life,
            place: `sink/${this.path}`,
            who: this.path,
            signal,
            effect: () => this.#begin(life, delivery, signal),
            isVoidable: true,
          });
          await life.pass(longestSwap);
          this.isHeard = this.content !== undefined && mark === markOf(this.content);
          return mark;
        }),
      holds: (mark, signal) =>
        call('sink', 'holds', signal, () => this.content !== undefined && mark === markOf(this.content)),
      ...(isReloaded && {
        reload: async (signal) => {
          await call('reload', 'reload', signal, () => {
            this.reloads++;
            this.isUnread = false;
            this.takeUp('by the sink');
          });
          this.isAcknowledged = !this.isUnread;
        },
      }),
    };
  }

  /** Written in two steps. Whoever begins another before the second has both torn. */
  #begin(life: Life, { material }: Delivery, signal: AbortSignal): string {
    const value = this.valueOf(material);
    // Killed while it was stopped, a process never comes to its second step.
    if (!this.#writing?.life.isAlive) this.#writing = undefined;
    const mine = { life, isTorn: this.#writing !== undefined };
    if (this.#writing) this.#writing.isTorn = true;
    this.#writing = mine;
    const swap = () => {
      if (this.#writing === mine) this.#writing = undefined;
      if (life.isAlive && !signal.aborted) this.#put(mine.isTorn ? torn : value);
      return idle;
    };
    this.#timeline.after(this.#dice.between(0, longestSwap), () => life.whenAwake(swap));
    return markOf(value);
  }

  #put(value: string): void {
    const before = this.content;
    this.content = value;
    this.changedAt = this.#timeline.now();
    this.writes++;
    this.isHeard = false;
    this.isUnread = true;
    this.isAcknowledged = false;
    this.onChange(this, before);
    this.takeUp('never');
  }

  /** Somebody deleted it. The programs run on with what they have. */
  wipe(): void {
    const before = this.content;
    this.content = undefined;
    this.changedAt = this.#timeline.now();
    this.onChange(this, before);
  }

  /** The programs that are told so read what is there now. */
  takeUp(told: Program['told']): void {
    const concerned = this.programs.filter((program) => program.told === told);
    if (this.content === undefined && concerned.length > 0) throw new LeaseError('unavailable', 'nothing there');
    for (const program of concerned) {
      const before = program.loaded;
      program.loaded = this.content;
      this.changedAt = this.#timeline.now();
      this.onChange(this, before);
    }
  }

  /** At most one call at a time, within one process. */
  async #alone<T>(life: Life, name: string, call: () => Promise<T>): Promise<T> {
    const other = this.#calls.find((entry) => entry.life === life);
    if (other) this.onAbuse(`${name} while ${other.name} is under way at ${this.path}`);
    const entry = { life, name };
    this.#calls.push(entry);
    try {
      return await call();
    } finally {
      this.#calls = this.#calls.filter((each) => each !== entry);
    }
  }
}

/** As good as a keyed fingerprint: it says nothing about the value to whoever looks for values. */
const markOf = (content: string): string => `mark-${content.replace('VALUE:', '')}`;
