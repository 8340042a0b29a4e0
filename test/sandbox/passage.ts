/** Takes one request through what strikes it: how long it waits, whether it is worked on, whether an answer comes. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { sleep, timer } from '../../src/clock.ts';
import type { Duration } from '../../src/core/time.ts';
import { latency, type Misdeed, pick } from './faults.ts';

export interface Passage<Answer> {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly misdeeds: readonly Misdeed[];
  /** What is said without doing the work, where a misdeed wants that. */
  readonly instead: () => Answer | undefined;
  readonly work: () => Promise<Answer>;
  /** A client that has waited for so long loses its socket while the work goes on. Absent: it may wait for ever. */
  readonly patience?: Duration;
  readonly answer: (answer: Answer) => void;
}

export async function passThrough<Answer>(passage: Passage<Answer>): Promise<void> {
  const { request, response, misdeeds, patience } = passage;
  const slow = pick(misdeeds, 'slow');
  if (slow !== undefined) await sleep(latency(slow));
  if (pick(misdeeds, 'refuse') !== undefined) return reset(request);
  const loss = pick(misdeeds, 'hang') ?? pick(misdeeds, 'cut');
  const lost = () => (loss?.kind === 'cut' ? reset(request) : undefined);
  if (loss?.work === false) return lost();
  const refusal = passage.instead();
  if (refusal !== undefined) return passage.answer(refusal);

  const cancel = patience === undefined ? undefined : timer(patience, () => request.socket.destroy());
  const answer = await passage.work();
  cancel?.();
  if (loss !== undefined) return lost();
  if (response.destroyed || request.socket.destroyed) return;
  passage.answer(answer);
}

/** The client sees ECONNRESET rather than an orderly end. */
function reset(request: IncomingMessage): void {
  request.socket.resetAndDestroy();
}
