/** The jobs under way. What takes long is set aside: it goes on, counts no longer among them, and others begin. */
import { aborted } from '../aborted.ts';
import type { Duration, Instant } from '../core/time.ts';
import type { Planned, Running } from './planned.ts';

export interface SlowLimits {
  readonly after: Duration;
  /** So many at a time: each may be a process, or a connection. Beyond them others wait. */
  readonly atMost: number;
}

export class UnderWay {
  readonly #jobs = new Set<Planned>();
  readonly #slow: SlowLimits;
  #aside = 0;

  constructor(slow: SlowLimits = { after: Number.POSITIVE_INFINITY, atMost: 0 }) {
    this.#slow = slow;
  }

  /** How many there are without those that were set aside. */
  get count(): number {
    return this.#jobs.size - this.#aside;
  }

  get aside(): number {
    return this.#aside;
  }

  of(key: string): Planned | undefined {
    for (const planned of this.#jobs) if (planned.entry.key === key) return planned;
    return undefined;
  }

  /** What was slow the last time is expected to be so again: it is set aside at once, and takes nobody's place. */
  begin(planned: Planned, now: Instant): Running {
    const [ended, end] = happening();
    const [wasSetAside, setAside] = happening();
    const abort = new AbortController();
    const woken = Number.POSITIVE_INFINITY;
    planned.running = { since: now, next: undefined, woken, abort, ended, end, isAside: false, wasSetAside, setAside };
    this.#jobs.add(planned);
    if (planned.isSlow) this.#setAside(planned);
    return planned.running;
  }

  setSlowAside(now: Instant): void {
    for (const planned of this.#jobs) if (this.#isSlow(planned, now)) this.#setAside(planned);
  }

  end(planned: Planned, now: Instant): void {
    planned.isSlow = this.#isSlow(planned, now);
    if (planned.running?.isAside) this.#aside -= 1;
    planned.running = undefined;
    this.#jobs.delete(planned);
  }

  /** Wait for all until the signal aborts; then abort theirs, and wait `grace` at most. Did all end? */
  async close(signal: AbortSignal, grace: () => Promise<void>): Promise<boolean> {
    const all = () => Promise.all([...this.#jobs].map(({ running }) => running?.ended));
    await Promise.race([all(), aborted(signal)]);
    for (const { running } of this.#jobs) running?.abort.abort(signal.reason);
    if (this.#jobs.size > 0) await Promise.race([all(), grace()]);
    return this.#jobs.size === 0;
  }

  #isSlow({ running }: Planned, now: Instant): boolean {
    return running !== undefined && now - running.since >= this.#slow.after;
  }

  #setAside({ running }: Planned): void {
    if (!running || running.isAside || this.#aside >= this.#slow.atMost) return;
    this.#aside += 1;
    running.isAside = true;
    running.setAside();
  }
}

function happening(): readonly [Promise<void>, () => void] {
  let happen = () => {};
  const happened = new Promise<void>((resolve) => {
    happen = resolve;
  });
  return [happened, happen];
}
