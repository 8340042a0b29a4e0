/** Stands before one provider: so many requests at a time, the most urgent first, and none while it may not be asked. */
import { type BlockReason, longestSilence, type ProviderBlocked } from '../core/failure.ts';
import type { Block, GateView, HeldUp, Stake } from '../core/rules.ts';
import { type Clock, type Duration, type Instant, seconds } from '../core/time.ts';
import { type Asked, Blocks, foremost, inTime } from './blocks.ts';
import { Circuit } from './circuit.ts';
import type { Emit } from './events.ts';
import { WaitingLine } from './waiting-line.ts';

export interface GateOptions {
  /** As listeners know it: the provider's name, or that of its logins. */
  readonly name: string;
  /** A clock that never jumps. All dates of the gate are on it. */
  readonly clock: Clock;
  readonly emit: Emit;
  /** How many requests may be under way at a time. Default: 8. */
  readonly slots?: number;
  /** That before it, to the same provider: what this one has asked for holds on. Whether it answers is found out anew. */
  readonly former?: Gate | undefined;
}

/** How a request ended, as far as the gate is concerned. */
export type Passage =
  /** The provider answered, whatever it said. */
  | 'answered'
  /** It did not, or only to say that it cannot. */
  | 'unavailable'
  /** It was not asked, or we did not wait for the answer. */
  | 'unknown';

export interface Ticket extends Asked {
  readonly secret: string;
  readonly isProbe: boolean;
  /** How often it had been said by then that the provider may be asked again. */
  readonly openings: number;
}

interface Circumstances extends Partial<Pick<ProviderBlocked, 'kind' | 'isUnsent'>> {
  readonly ticket?: Ticket;
}

/** What another token ends. */
const ofTokens: readonly BlockReason[] = ['NoToken', 'TokenRejected'];

const shortestBreak: Duration = seconds(1);
/** After the first rejection of a token, and after many: so that they do not use up what a secret may ask for. */
const shortestRejection: Duration = seconds(5);
const longestRejection: Duration = seconds(120);
/** Who was woken takes its turn within this time, or loses it. */
const longestTurn: Duration = seconds(5);

/** State of one process: after a restart the gate is open, and the provider says again what it said. */
export class Gate {
  readonly #name: string;
  readonly #clock: Clock;
  readonly #emit: Emit;
  readonly #slots: number;
  #inside = 0;
  /** Who was woken for a free slot, and when. */
  readonly #called = new Map<string, Instant>();
  readonly #waiting = new WaitingLine();
  readonly #blocks = new Blocks();
  readonly #circuit = new Circuit();
  /** Until then one goes after the other has sent its request: when a block has run out there may be room for few. */
  #oneByOneUntil: Instant = Number.NEGATIVE_INFINITY;
  /** Who has entered so and has not sent anything yet. */
  readonly #unsent = new Set<Ticket>();
  /** How often a token was rejected since there was another. */
  #rejections = 0;
  /** How often somebody said that it may be asked again. */
  #openings = 0;
  #onHurry: () => void = () => undefined;

  constructor({ name, clock, emit, slots = 8, former }: GateOptions) {
    this.#name = name;
    this.#clock = clock;
    this.#emit = emit;
    this.#slots = slots;
    if (!former) return;
    this.#blocks.takeOver(former.#blocks);
    this.#tell();
  }

  /** The time that its dates are on. */
  now(): Instant {
    return this.#clock.now();
  }

  /** What a look at that secret is to know. `offset`: its provider's time less the gate's. */
  view(secret: string, offset: Duration = 0): GateView {
    const blocks = this.#all(secret).map((block) => inTime(block, offset));
    // While nobody is answered one at a time asks, and in turn.
    if (this.#circuit.isOpen) return { blocks, isBusy: this.#inside >= this.#slots };
    // Who looks by itself does not go before those who are more urgent.
    return { blocks, isBusy: this.#free(secret) <= this.#waiting.before(secret, this.#isShut) };
  }

  /** A request is about to be made: the view allowed it. Every ticket has to be given back. */
  enter(secret: string, kinds?: readonly string[]): Ticket {
    this.#inside++;
    this.#called.delete(secret);
    this.#waiting.leave(secret, this.#isShut);
    const enteredAt = this.#clock.now();
    // Whoever goes first may be told the same again: nobody hears of an end that is none.
    if (this.#blocks.outlast(enteredAt)) this.#oneByOneUntil = enteredAt + longestTurn;
    const isProbe = this.#circuit.enter(enteredAt, secret);
    const ticket = { secret, isProbe, enteredAt, kinds, openings: this.#openings };
    if (enteredAt < this.#oneByOneUntil) this.#unsent.add(ticket);
    return ticket;
  }

  /** It is on its way: who comes after it is behind it. */
  sent(ticket: Ticket): void {
    this.#unsent.delete(ticket);
    if (this.#isOpen()) this.#callNext();
  }

  leave(ticket: Ticket, passage: Passage): void {
    const { secret, isProbe } = ticket;
    this.#inside--;
    this.#unsent.delete(ticket);
    if (isProbe) this.#circuit.leave(secret);
    if (passage === 'answered') {
      if (this.#circuit.answered()) this.#tell();
      const { isNews, isOpen } = this.#blocks.answered(ticket);
      if (isOpen) this.#rejections = 0;
      if (isNews) this.#reopen();
    }
    const isInVain = passage === 'unavailable';
    if (isInVain && this.#circuit.unanswered(this.#clock.now(), isProbe ? secret : undefined)) this.#tell();
    this.#callNext();
  }

  /**
   * Nobody passes before then. The earlier word does not count any more. Said to a request that began before there was
   * another token it says nothing of that one. Said of one of the kinds that the request is of, it holds up nothing else.
   */
  block(until: Instant, because: BlockReason, { ticket, kind, isUnsent }: Circumstances = {}): void {
    if (ticket && ticket.openings !== this.#openings && ofTokens.includes(because)) return;
    const since = this.#clock.now();
    // Whoever shows the same token once more is rejected once more, until there is another.
    const patient =
      because === 'TokenRejected' ? Math.min(longestRejection, shortestRejection * 2 ** this.#rejections++) : 0;
    this.#blocks.put({
      because,
      ...(kind !== undefined && ticket?.kinds?.includes(kind) && { kind }),
      ...(isUnsent && { isOurs: true as const }),
      since,
      until: Math.min(Math.max(until, since + (isUnsent ? 1 : shortestBreak), since + patient), since + longestSilence),
    });
    this.#tell();
  }

  /** It may be asked again: there is a new token, or somebody knows better. Who waits is woken. */
  unblock(): void {
    this.#openings++;
    this.#rejections = 0;
    if (this.#blocks.lift()) this.#reopen();
  }

  #reopen(): void {
    this.#tell();
    this.#callNext();
  }

  /**
   * A look ended with something due that only the gate holds up. It is woken when its turn comes. Answers whether it is
   * the first of those who wait for the same, or the next to ask while nobody is answered: it looks again by itself when
   * that is over.
   */
  line(secret: string, what: HeldUp, wake: () => void): boolean {
    const before = this.#waiting.deadline(this.#clock.now());
    this.#called.delete(secret);
    this.#waiting.join({ ...what, secret, wake });
    if (this.#waiting.deadline(this.#clock.now()) < before) this.#onHurry();
    const isFirst = this.#waiting.isFirstOfItsKinds(secret);
    const isNext = this.#waiting.first(this.#isShut)?.secret === secret;
    // It gave way to others although there was room: they are to come.
    if (!isNext && this.#isOpen()) this.#callNext();
    if (this.#circuit.isOpen && this.#circuit.next === undefined) this.#callInTurn();
    return isFirst || this.#circuit.next === secret;
  }

  /** What is at stake for those in line, as far as it is not lost yet. */
  waiting(): Stake | undefined {
    return this.#waiting.stake(this.#clock.now());
  }

  /** Who provides what they wait for wants to know when somebody is in more of a hurry than all before. */
  watch(onHurry: () => void): void {
    this.#onHurry = onHurry;
  }

  /** A look ended with nothing held up. */
  pass(secret: string): void {
    const isCalled = this.#called.delete(secret);
    const hadTurn = this.#circuit.pass(secret) || isCalled;
    if (this.#waiting.leave(secret, this.#isShut) || hadTurn) this.#callNext();
  }

  readonly #isShut = (kinds: readonly string[] | undefined): boolean => this.#blocks.shuts(kinds, this.#clock.now());

  #all(secret?: string): readonly Block[] {
    const now = this.#clock.now();
    const circuit = this.#circuit.block(now, secret);
    return [...this.#blocks.present(now), ...(circuit ? [circuit] : [])];
  }

  #tell(): void {
    this.#blocks.tell();
    const one = foremost(this.#all());
    const what = one && { until: one.until, because: one.because, ...(one.kind !== undefined && { kind: one.kind }) };
    this.#emit({ type: 'blocked', provider: this.#name, ...what });
  }

  #free(secret: string): number {
    const called = [...this.#called].filter(([other, at]) => other !== secret && this.#clock.now() - at < longestTurn);
    const now = this.#clock.now();
    const free = this.#slots - this.#inside;
    // The most urgent has its turn first, and shows whether there is room for more.
    const isOneByOne = now < this.#oneByOneUntil || this.#blocks.isUntried(now, longestTurn);
    return (isOneByOne ? Math.min(1 - this.#unsent.size, free) : free) - called.length;
  }

  #isOpen(): boolean {
    return !this.#circuit.isOpen && this.#all().every(({ kind }) => kind !== undefined);
  }

  /** Nobody is answered. Answers whether it is the turn of somebody in danger, who is woken for it. */
  #callInTurn(): boolean {
    const next = this.#circuit.call((turnOf) => this.#waiting.inTurn(this.#clock.now(), turnOf, this.#isShut));
    if (next) this.#waiting.leave(next.secret);
    next?.wake();
    return next !== undefined;
  }

  /** Whoever is woken while the gate is closed learns from when on it is open. */
  #callNext(): void {
    if (this.#circuit.isOpen && this.#callInTurn()) return;
    const isOpen = this.#isOpen();
    for (let calls = isOpen ? this.#free('') : 1; calls > 0; calls--) {
      const first = this.#waiting.first(this.#isShut);
      if (!first) return;
      this.#waiting.leave(first.secret);
      if (isOpen) this.#called.set(first.secret, this.#clock.now());
      first.wake();
    }
  }
}
