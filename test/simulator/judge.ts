/**
 * Watches a world from outside and says which promise was broken: by what the provider would accept, by the bytes in
 * sinks, and by the provider's books. It never reads our own records, and it helps nobody.
 */
import type { Sequence } from '../../src/core/record.ts';
import { type Duration, type Instant, minutes, seconds } from '../../src/core/time.ts';
import type { Delivery } from '../../src/sinks/sink.ts';
import { Excuses, type Kept, longestRecovery } from './excuses.ts';
import { type Issued, idOf, never, windowOf } from './issued.ts';
import { Numbers } from './numbers.ts';
import { type Program, type SinkPlace, torn } from './place.ts';
import type { Timeline } from './timeline.ts';
import type { Troubles } from './troubles.ts';

export class Judge {
  readonly broken: string[] = [];
  readonly kept: readonly Kept[];
  readonly #timeline: Timeline;
  readonly excuses: Excuses;
  /** When a lease was last let go of by a program or place that had used it. */
  readonly letGo = new Map<string, Instant>();
  /** Per secret, when acquires arrived. */
  readonly #arrived = new Map<string, Instant[]>();
  /** Per secret, how many acquires were sent. */
  readonly acquires = new Map<string, number>();
  /** Per secret, what its sinks were given. */
  readonly #numbers = new Map<string, Numbers>();
  /** Leases that only a process knew that was killed: they are left to their end. */
  readonly forgotten = new Set<string>();
  /** By secret, when nobody remembered it any more. */
  readonly #forgotAt = new Map<string, Instant>();
  /** Leases that had ended before their grace was over. */
  readonly earlyEnds: string[] = [];
  /** Values that were taken for present once more, since nobody remembered later ones. */
  readonly #mistaken = new Set<string>();
  /** By secret, when a verifier last said that a value does not work. */
  readonly toldNo = new Map<string, Instant>();
  /** By secret, when a person asked for the end of all that is held, whoever uses it. */
  readonly askedToRevoke = new Map<string, Instant>();

  constructor(timeline: Timeline, troubles: Troubles, kept: readonly Kept[]) {
    this.#timeline = timeline;
    this.excuses = new Excuses(troubles);
    this.kept = kept;
    for (const one of kept) {
      one.issuer.onRevoke = (issued) => this.#onRevoke(one, issued);
      one.issuer.onSurprise = (issued) => this.#onSurprise(one, issued);
      one.issuer.isMisled = (at) => this.excuses.misled(one, at, at) > 0;
      one.issuer.onRenew = (issued) => this.#mine(one, issued, 'renewed');
      for (const place of one.places) {
        place.onChange = (_, before) => this.#onChange(one, place, before);
        place.onAbuse = (what) => this.break(3, what);
        place.onGiven = (delivery) => this.#onGiven(one, place, delivery);
      }
    }
  }

  break(promise: number, what: string): void {
    this.broken.push(`promise ${promise} at ${this.#timeline.now()}: ${what}`);
  }

  /** Values never leave for the store, the queue or a listener. */
  onText(where: string, text: string): void {
    if (text.includes('VALUE:')) this.break(6, `a value in ${where}`);
  }

  /** Whatever happened: a second between two acquires, and eight in five minutes at the provider's door. */
  onAcquire(kept: string, what: 'sent' | 'arrived', begunAt: Instant): void {
    const now = this.#timeline.now();
    const forgotAt = this.#forgotAt.get(kept) ?? Number.NEGATIVE_INFINITY;
    // It was on its way when the only process that knew of it was killed.
    if (what === 'arrived' && begunAt <= forgotAt) return;
    if (what === 'sent') {
      this.acquires.set(kept, (this.acquires.get(kept) ?? 0) + 1);
      const begun = this.excuses.begun.get(kept) ?? [];
      const since = begunAt - (begun.at(-1) ?? Number.NEGATIVE_INFINITY);
      // A second by our clock; two processes do not quite agree on the provider's time.
      const wasKilled = this.excuses.kills.some((at) => at >= (begun.at(-1) ?? 0));
      const house = this.kept.find(({ name }) => name === kept)?.house;
      const tolerance = wasKilled ? 2 * (house?.uncertainty ?? 0) : 2;
      const isKnown = (begun.at(-1) ?? 0) > forgotAt;
      if (isKnown && since < seconds(1) - tolerance) this.break(5, `${kept} acquired again after ${since} ms`);
      this.excuses.begun.set(kept, [...begun.slice(-8), begunAt]);
      return;
    }
    const house = this.kept.find(({ name }) => name === kept)?.house;
    // By its idea of the time what another process did is longer ago than it is. Known, and bounded: as often again.
    const turnedAt = house && this.excuses.wasInherited(house) ? house.turnedAt : Number.NEGATIVE_INFINITY;
    const since = Math.max(now - minutes(5), turnedAt);
    const recent = [...(this.#arrived.get(kept) ?? []).filter((at) => at > since), now];
    this.#arrived.set(kept, recent);
    if (recent.length > 8) this.break(5, `${recent.length} acquires of ${kept} in five minutes`);
  }

  /**
   * How often this secret was acquired only the process knew that was killed. By so much a clock may be set back that
   * tells the time.
   */
  forget(secret: string, setBack: Duration): void {
    this.#arrived.delete(secret);
    this.#forgotAt.set(secret, this.#timeline.now());
    for (const { name, house } of this.kept.filter((kept) => kept.name === secret)) {
      // Before the provider has told the time its clock is taken for ours.
      const most = setBack > 0 ? setBack + Math.abs(house.skew) : 0;
      this.#numbers.get(name)?.forget(most + 2 * house.uncertainty);
    }
  }

  /** Promise 7: it is by its number that a sink refuses what is older than what it has. */
  #onGiven({ name, house }: Kept, { path }: SinkPlace, delivery: Delivery): void {
    const wrong = this.#numbersOf(name).give(path, delivery, house.worstLie);
    if (wrong !== undefined) this.break(7, `${path}: ${wrong}`);
  }

  onNumber = (secret: string, sequence: Sequence): void => this.#numbersOf(secret).begin(sequence);

  #numbersOf(secret: string): Numbers {
    const numbers = this.#numbers.get(secret) ?? new Numbers();
    this.#numbers.set(secret, numbers);
    return numbers;
  }

  #onChange(kept: Kept, place: SinkPlace, before: string | undefined): void {
    if (before !== undefined && !this.#isUsed(kept, idOf(before))) this.#onLetGo(kept, before);
    const { content } = place;
    if (content !== undefined && content !== before) this.#onContent(kept, place, content, before);
    for (const program of place.programs) {
      const { loaded } = program;
      if (loaded !== undefined && loaded !== before) this.#watch(kept, place, program, loaded);
    }
  }

  #onLetGo({ issuer, policy, house }: Kept, value: string): void {
    const issued = issuer.leaseOf(value);
    // What was dead nobody missed: it may be another generation of its lease that lives on, without anybody's knowing.
    if (!issued || !issuer.accepts(value)) return;
    this.letGo.set(issued.id, this.#timeline.now());
    this.#timeline.watch(this.#timeline.now() + policy.grace - 2 * house.uncertainty, () => {
      if (!issuer.isLiving(issued)) this.earlyEnds.push(issued.id);
    });
  }

  /** For how long after its end may it be taken for a living one, because of what was wrong about the time when it was told? */
  #misdated(kept: Kept, value: string, { issuedAt, terms }: Issued, told: Instant): Duration {
    // That it was dead as it was made is not seen by a clock that is behind.
    if (kept.issuer.endOf(value) <= issuedAt) return this.excuses.astray(kept.house, told, told);
    // Values before a renewal have an end of their own, which was told with them.
    const term = kept.issuer.termOf(value);
    const isFormer = kept.issuer.nature.renewal?.changesValues === true && terms.at(-1) !== term;
    return this.excuses.misled(kept, isFormer && term ? term.from : told, this.#timeline.now());
  }

  /** What was put there has to be whole, fit, and no worse than what was there. */
  #onContent(kept: Kept, place: SinkPlace, content: string, before: string | undefined): void {
    const now = this.#timeline.now();
    const issued = kept.issuer.leaseOf(content);
    if (content === torn) this.break(3, `${place.path} is torn`);
    else if (!issued) this.break(7, `${place.path} holds ${content || 'nothing'}`);
    if (!issued) return;
    if (kept.isVerified && !issued.isFit) this.break(7, `${place.path} holds ${content}, which fails its proof`);
    // A write may be under way for half a minute: what has ended for longer nobody may put there.
    const end = kept.issuer.endOf(content);
    const isSurprise = issued.surprisedAt > end - seconds(1) || this.excuses.isUnseen(kept, issued, now);
    // Redis was set back, and whoever remembered more killed: where nobody can be asked, what is old is taken for present.
    const isUnknown = !kept.issuer.nature.canObserve && this.forgotten.has(idOf(before));
    // Of an end that an answer told of which nobody heard, nobody knows before it is asked for.
    const { told = { end } } = issued;
    const isUnheard = issued.surprisedAt > Number.NEGATIVE_INFINITY && told.end > end;
    const knownEnd = isUnheard ? Math.min(told.end, issued.goneAt ?? told.end) : end;
    const { at: toldAt = issued.issuedAt } = issued.told ?? {};
    const isLate = this.excuses.ran(knownEnd + this.#misdated(kept, content, issued, toldAt), now) > seconds(70);
    if (isUnknown && isLate) this.#mistaken.add(content);
    if (isLate && !isSurprise && !isUnknown && before !== undefined && kept.issuer.accepts(before)) {
      this.break(7, `${place.path} lost ${before} to the dead ${content}`);
    }
  }

  /** Its users are left with less than was said. */
  #onSurprise(kept: Kept, { id }: Issued): void {
    for (const place of kept.places) {
      for (const program of place.programs) {
        if (idOf(program.loaded) === id && program.loaded) this.#watch(kept, place, program, program.loaded);
      }
    }
  }

  #watch(kept: Kept, place: SinkPlace, program: Program, value: string): void {
    const end = kept.issuer.endOf(value);
    if (end === never) {
      const later = this.#timeline.now() + minutes(5);
      this.#timeline.watch(later, () => {
        if (program.loaded === value) this.#watch(kept, place, program, value);
      });
      return;
    }
    this.#timeline.watch(end, () => {
      if (program.loaded !== value) return;
      if (kept.issuer.endOf(value) > end) this.#watch(kept, place, program, value);
      else this.#dark(kept, place, program, value, kept.issuer.endOf(value));
    });
  }

  /** A program is left with a dead credential: may it be, and until when? */
  #dark(kept: Kept, place: SinkPlace, program: Program, value: string, end: Instant): void {
    const { issuer } = kept;
    const issued = issuer.leaseOf(value);
    const term = issuer.termOf(value);
    if (!issued || !term) return;
    const isSurprise = issued.surprisedAt > Number.NEGATIVE_INFINITY;
    const due = isSurprise ? Math.max(end, this.excuses.noticed(kept, issued, term.end)) : end;
    this.#timeline.watch(due, () => {
      if (program.loaded !== value || issuer.accepts(value)) return;
      // After a renewal whose answer was lost it lives longer than we can know: what counts is the end we know of.
      const window = windowOf(due - term.from);
      const { told = { end: due, at: 0 } } = issued;
      const isUnknown = told.end < due || told.at > due - window / 2;
      // What has no end is never renewed either, by which it would be found to be dead.
      if (this.#mistaken.has(value) && term.end === never) return;
      if (this.#mistaken.has(value)) return this.#recover(kept, place, program, value, this.#timeline.now());
      const misled = this.#misdated(kept, value, issued, told.at);
      if (misled > 0) return this.#recover(kept, place, program, value, due + misled);
      const excuse =
        isSurprise || isUnknown
          ? this.excuses.lastTrouble(kept, place, Math.min(end, told.end, told.at) - Math.max(window, minutes(15)), due)
          : this.excuses.excuse(kept, place, term.from, due, this.forgotten.has(issued.id));
      if (excuse === undefined) {
        const since = this.#timeline.now() === end ? '' : ` since ${end}`;
        return this.break(1, `${place.path} is left with the dead ${value}${since}`);
      }
      this.#recover(kept, place, program, value, excuse);
    });
  }

  /** It is dead, and nobody can know of it yet. */
  isHidden(kept: Kept, value: string): boolean {
    const [issued, term] = [kept.issuer.leaseOf(value), kept.issuer.termOf(value)];
    if (!issued || !term || issued.surprisedAt === Number.NEGATIVE_INFINITY) return false;
    return this.#timeline.now() < this.excuses.noticed(kept, issued, term.end);
  }

  /** It was excused. Now that the trouble is over, it must be over for them too, unless there is more. */
  #recover(kept: Kept, place: SinkPlace, program: Program, value: string, over: Instant): void {
    const at = Math.max(over, this.#timeline.now()) + longestRecovery;
    this.#timeline.watch(at, () => {
      if (program.loaded !== value || kept.issuer.accepts(value)) return;
      // Whoever is told no three times thinks for an hour before the next.
      const thought = (this.toldNo.get(kept.name) ?? Number.NEGATIVE_INFINITY) + minutes(60);
      const heard = this.excuses.heard(kept, value);
      const over = thought > at ? thought : heard > at - longestRecovery ? heard : undefined;
      const more = over ?? this.excuses.lastTrouble(kept, place, at - longestRecovery + 1, at);
      if (more !== undefined) return this.#recover(kept, place, program, value, more);
      this.break(8, `${place.path} is still left with the dead ${value}`);
    });
  }

  #isUsed = (kept: Kept, id: string, counts = (_: string): boolean => true): boolean =>
    kept.places.some(({ content, programs }) =>
      [content, ...programs.map(({ loaded }) => loaded)].some(
        (value) => value !== undefined && idOf(value) === id && counts(value),
      ),
    );

  #onRevoke(kept: Kept, issued: Issued): void {
    this.#mine(kept, issued, 'revoked');
    const now = this.#timeline.now();
    if (!kept.issuer.isLiving(issued)) return;
    if (issued.issuedAt <= (this.askedToRevoke.get(kept.name) ?? Number.NEGATIVE_INFINITY)) {
      issued.surprisedAt = now;
      return;
    }
    // By a clock that was wrong the end had come: that others had set and lifted in time, or of what nobody can ask about.
    const isBlind = kept.lockbox !== undefined || !kept.issuer.nature.canObserve;
    const seemedOver = isBlind && this.excuses.astray(kept.house, issued.issuedAt, now) > 0;
    if (!seemedOver && this.#isUsed(kept, issued.id, kept.issuer.accepts)) {
      this.break(2, `${issued.id} revoked under its users`);
    }
    const since = now - (this.letGo.get(issued.id) ?? Number.NEGATIVE_INFINITY);
    // We do not know the provider's time better than that.
    const tolerance = 2 * kept.house.uncertainty + this.#wrongBy(kept, now - since);
    if (since < kept.policy.grace - tolerance) this.break(2, `${issued.id} revoked ${since} ms after it was let go`);
  }

  /** A process remembers how long ago something was whatever the time is said to be; what another has dated it cannot know. */
  #wrongBy = ({ house }: Kept, from: Instant): Duration =>
    this.excuses.wasInherited(house) ? this.excuses.astray(house, from, this.#timeline.now()) : 0;

  #mine({ issuer }: Kept, issued: Issued, what: string): void {
    // Of a store that we rotate, the version that was there before us is ours to retire.
    if (issued.key === 'others' && issuer.nature.kind !== 'rotated')
      this.break(4, `${issued.id} of somebody else was ${what}`);
  }
}
