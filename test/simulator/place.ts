/** A sink, and the program behind it that uses what it finds there. */
import { LeaseError } from '../../src/core/failure.ts';
import { fraction } from '../../src/core/timetable.ts';
import type { Sink } from '../../src/sinks/sink.ts';
import type { Faults } from './faults.ts';
import type { Life } from './timeline.ts';

export class SinkPlace {
  /** What is written there, and what the program took up. */
  content: string | undefined;
  loaded: string | undefined;
  readonly name: string;
  readonly #hasReload: boolean;
  readonly #onChange: (place: SinkPlace, letGo: string | undefined) => void;

  constructor(name: string, hasReload: boolean, onChange: (place: SinkPlace, letGo: string | undefined) => void) {
    this.name = name;
    this.#hasReload = hasReload;
    this.#onChange = onChange;
  }

  sink(life: Life, faults: Faults): Sink {
    const reload = () => faults.call(life, 'reload', () => this.#takeUp());
    return {
      write: ({ material }) =>
        faults.call(life, 'sink', () => {
          const before = this.content;
          this.content = material.reveal('value') ?? '';
          this.#onChange(this, before);
          if (!this.#hasReload) this.#takeUp();
          return markOf(this.content);
        }),
      holds: (mark) => faults.call(life, 'sink', () => this.content !== undefined && mark === markOf(this.content)),
      ...(this.#hasReload && { reload }),
    };
  }

  uses = (value: string): boolean => this.content === value || this.loaded === value;

  /** Somebody deleted it. The program runs on with what it has. */
  wipe(): void {
    const before = this.content;
    this.content = undefined;
    this.#onChange(this, before);
  }

  #takeUp(): void {
    if (this.content === undefined) throw new LeaseError('unavailable', 'nothing there');
    const before = this.loaded;
    this.loaded = this.content;
    this.#onChange(this, before);
  }
}

const markOf = (content: string): string => `mark ${fraction(content)}`;

export const leaseOf = (value: string | undefined): string => /^VALUE(.*)\.\d+$/.exec(value ?? '')?.[1] ?? '';
