/** The daemon under a supervisor, as a container platform would be one: it is started again whenever it ends. */
import { setTimeout as pause } from 'node:timers/promises';
import type { Instant } from '../../src/core/time.ts';
import { type Running, start } from './processes.ts';
import type { Blow, Timeline } from './timeline.ts';

export interface SaidLine {
  readonly at: Instant;
  readonly text: string;
}

export interface KeeperProcess {
  readonly pid: () => number;
  /** Every line of every incarnation. */
  readonly lines: readonly SaidLine[];
  /** The times it ended without being asked to. */
  readonly ends: readonly { readonly at: Instant; readonly how: string; readonly hadStarted: boolean }[];
  readonly starts: () => number;
  signal(name: NodeJS.Signals): void;
  /** SIGKILL; it is started again after so long. Resolves when it has said that it runs, or was ended again. */
  kill(pauseBefore: number): Promise<void>;
  /** TERM, for good. */
  stop(): Promise<number | NodeJS.Signals>;
}

/** After it said that it runs it is given so long to get to work, before anybody is blamed. */
const settling = 2_000;

export function aKeeperProcess(command: readonly string[], timeline: Timeline, onStart: () => void): KeeperProcess {
  const lines: SaidLine[] = [];
  const ends: { at: Instant; how: string; hadStarted: boolean }[] = [];
  let isStopping = false;
  let nextPause: number | undefined;
  let starts = 0;
  let up: () => void = () => undefined;
  let running: Running | undefined;
  const away = { blow: undefined as Blow | undefined };

  function launch(): void {
    starts += 1;
    let hasStarted = false;
    const me = start(command, {
      env: { LANG: 'C.UTF-8', HOME: '/nonexistent' },
      onLine(text) {
        lines.push({ at: Date.now(), text });
        if (hasStarted || !/"msg":"leasekeeper \S+ keeps/.test(text)) return;
        hasStarted = true;
        onStart();
        up();
        const { blow } = away;
        setTimeout(() => {
          // Killed again meanwhile, it is away for longer.
          if (blow !== undefined && running === me && !me.isGone()) timeline.end(blow);
        }, settling).unref();
      },
    });
    running = me;
    void me.gone.then(async (how) => {
      up();
      if (isStopping) return;
      const wasAsked = nextPause !== undefined;
      if (!wasAsked) {
        ends.push({ at: Date.now(), how: String(how), hadStarted: hasStarted });
        lines.push({ at: Date.now(), text: `--- it ended by itself: ${how} ---` });
      }
      if (away.blow === undefined || away.blow.to !== Number.POSITIVE_INFINITY) {
        away.blow = timeline.begin(wasAsked ? 'daemon: down' : 'daemon: ended by itself', 'daemon');
      }
      await pause(nextPause ?? 1_000);
      nextPause = undefined;
      if (!isStopping) launch();
    });
  }
  launch();
  return {
    pid: () => running?.pid ?? 0,
    lines,
    ends,
    starts: () => starts,
    signal: (name) => running?.signal(name),
    async kill(pauseBefore) {
      const victim = running;
      if (victim === undefined || victim.isGone()) return;
      nextPause = pauseBefore;
      lines.push({ at: Date.now(), text: '--- killed ---' });
      const isUp = new Promise<void>((resolve) => {
        up = () => {
          // First it ends, then the next one starts.
          if (running !== victim) resolve();
        };
      });
      victim.signal('SIGKILL');
      await Promise.race([isUp, pause(30_000, undefined, { ref: false })]);
    },
    async stop() {
      isStopping = true;
      running?.signal('SIGCONT');
      running?.signal('SIGTERM');
      const code = (await running?.gone) ?? 0;
      return code;
    },
  };
}
