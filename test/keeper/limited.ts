/** A provider of the stage that takes so many requests a minute of one kind. */
import { ProviderBlocked } from '../../src/core/failure.ts';
import { type Instant, minutes } from '../../src/core/time.ts';
import type { Stage } from './stage.ts';

/** Counts in minutes of its own, as Infisical does, and says to whoever comes too often when the next one begins. */
export class Limited {
  isOn = false;
  readonly came: Instant[] = [];
  refused = 0;
  #window = { endsAt: 0, seen: 0 };
  readonly #stage: Stage;
  readonly #limit: number;

  constructor(stage: Stage, limit: number) {
    this.#stage = stage;
    this.#limit = limit;
  }

  /** Answers with what it says of its limit. */
  async ask(): Promise<Record<string, string>> {
    if (!this.isOn) return {};
    const { now } = this.#stage;
    this.came.push(now);
    if (now >= this.#window.endsAt) this.#window = { endsAt: now + minutes(1), seen: 0 };
    this.#window.seen += 1;
    const { endsAt, seen } = this.#window;
    await new Promise<void>((resolve) => this.#stage.after(100, resolve));
    const reset = Math.ceil((endsAt - this.#stage.now) / 1000);
    const [limit, left] = [this.#limit, Math.max(0, this.#limit - seen)];
    if (seen > limit) {
      this.refused += 1;
      throw new ProviderBlocked('RetryAfter', endsAt);
    }
    return { 'x-ratelimit-limit': `${limit}`, 'x-ratelimit-remaining': `${left}`, 'x-ratelimit-reset': `${reset}` };
  }
}
