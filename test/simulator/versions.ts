/** What a simulated Lockbox keeps of one secret: versions, which of them is current, and when each is to be destroyed. */
import type { Instant } from '../../src/core/time.ts';
import { endOfTerm, type Issued, never } from './issued.ts';
import { Issuer } from './issuer.ts';
import type { Nature } from './nature.ts';
import type { Dice, Timeline } from './timeline.ts';
import { calmVersions, type VersionsNature } from './versions-nature.ts';

export type VersionState = 'active' | 'scheduled' | 'destroyed';

interface Lifted {
  readonly end: Instant;
  /** When it was lifted; or once it is, when it was set again. */
  readonly at: Instant;
  readonly isTheirs: boolean;
  readonly isSetAgain?: true;
}

/** Who added a version that none of our acquires did. */
export const others = 'others';

export class Versions extends Issuer {
  readonly how: VersionsNature;
  /** Deactivated, it shows its metadata and no payload. */
  isActive = true;
  /** The version that is to be had, as long as anybody can read it; and since when that is so. */
  wanted: Issued | undefined;
  wantedSince: Instant = 0;
  /** When each was last scheduled for destruction, and by whom. */
  readonly scheduled = new Map<Issued, { readonly at: Instant; readonly isOurs: boolean }>();
  /** Others have lifted the end that we had set, or it was never ours: it is not ours to be ended. */
  readonly spared = new Set<Issued>();
  /** When the secret was shown to us. */
  #shown: readonly Instant[] = [];
  /** Ends that we have lifted, perhaps to build upon the version: they may be set again, and have to be if they are `theirs`. */
  readonly lifted = new Map<Issued, Lifted>();
  onWanted: () => void = () => undefined;
  /** We ask for its destruction at that end. */
  onSchedule: (issued: Issued, sentAt: Instant, end: Instant) => void = () => undefined;
  /** Others have. */
  onMenaced: (issued: Issued) => void = () => undefined;
  onAdd: (issued: Issued, intent: string | undefined) => void = () => undefined;
  onRead: (issued: Issued) => void = () => undefined;
  #count = 0;
  readonly #clock: Timeline;
  readonly #chance: Dice;

  constructor(name: string, nature: Nature, timeline: Timeline, dice: Dice) {
    super(name, nature, timeline, dice);
    this.#clock = timeline;
    this.#chance = dice;
    this.how = nature.versions ?? calmVersions;
    this.add(others);
  }

  get pinned(): Issued | undefined {
    return this.how.isPinned ? this.leases.get(`${this.name}-1`) : undefined;
  }

  /** The one that is to be had, whether or not anybody can read it. */
  get chosen(): Issued | undefined {
    return this.how.isPinned ? this.pinned : this.current;
  }

  /** It is shown to us as it is now. */
  show(): void {
    this.#shown = [...this.#shown.slice(-49), this.#clock.now()];
  }

  /** When it was last shown to us before then, as long ago as anybody remembers. */
  shownBefore = (then: Instant): Instant => this.#shown.findLast((at) => at <= then) ?? Number.NEGATIVE_INFINITY;

  /** When it was first shown to us from then on, as far back as anybody remembers. */
  shownFrom = (then: Instant): Instant | undefined => this.#shown.find((at) => at >= then);

  stateOf(issued: Issued): VersionState {
    if (!this.isLiving(issued)) return 'destroyed';
    return endOfTerm(issued) === never ? 'active' : 'scheduled';
  }

  /** Nothing is to be done about it any more, as far as it is ours. */
  override isLeft = (issued: Issued): boolean => this.stateOf(issued) === 'active' && !this.spared.has(issued);

  nextId = (): string => `${this.name}-${++this.#count}`;

  /** It becomes the current one. Built upon another it is as good as that. */
  add(key: string, { id = this.nextId(), copyOf }: { id?: string; copyOf?: Issued | undefined } = {}): Issued {
    const now = this.#clock.now();
    const issued: Issued = {
      id,
      key,
      issuedAt: now,
      maxExpiresAt: never,
      terms: [{ from: now, end: never }],
      endedAt: never,
      surprisedAt: Number.NEGATIVE_INFINITY,
      isFit: copyOf ? copyOf.isFit : !this.#chance.chance(this.unfit),
      isOurs: false,
    };
    this.leases.set(id, issued);
    this.last = [issued, ...this.last.slice(0, 9)];
    this.makeCurrent(issued);
    return issued;
  }

  makeCurrent(issued: Issued): void {
    if (this.current === issued) return;
    this.current = issued;
    this.currentSince = this.#clock.now();
    this.#see();
  }

  /** Also moves the date of one that is scheduled already. */
  plan(issued: Issued, end: Instant, isOurs: boolean): void {
    // Set again, it is theirs as it was.
    const at = this.#clock.now();
    const lifted = this.lifted.get(issued);
    this.scheduled.set(issued, { at, isOurs: isOurs && !lifted?.isTheirs });
    if (lifted) this.lifted.set(issued, { ...lifted, at, isSetAgain: true });
    if (isOurs) {
      const term = issued.terms.at(-1);
      if (term) term.end = end;
    } else {
      this.schedule(issued, end);
      this.spared.add(issued);
      this.onMenaced(issued);
    }
    this.#see();
  }

  lift(issued: Issued, isOurs: boolean): void {
    const { isOurs: isOwn = true } = this.scheduled.get(issued) ?? {};
    if (isOurs) this.lifted.set(issued, { end: endOfTerm(issued), at: this.#clock.now(), isTheirs: !isOwn });
    else if (isOwn && this.scheduled.has(issued)) this.spared.add(issued);
    this.schedule(issued, never);
    this.#see();
  }

  /**
   * What others had scheduled and we have lifted to build upon it, though nothing came of that: it is as they left it no
   * more. Who was killed since cannot tell that from what a person has lifted.
   */
  unrestored(kills: readonly Instant[]): readonly Issued[] {
    if (!this.how.generate || this.how.onDestroyScheduled === 'cancel') return [];
    const isOpen = (issued: Issued) => issued === this.current && this.stateOf(issued) === 'active';
    return [...this.lifted]
      .filter(([issued, { isTheirs, isSetAgain }]) => isTheirs && !isSetAgain && isOpen(issued))
      .filter(([, { at }]) => !kills.some((kill) => kill >= at))
      .map(([issued]) => issued);
  }

  activate(isActive: boolean): void {
    this.isActive = isActive;
    this.#see();
  }

  /** Has it come to be read, or unreadable, or another? */
  #see(): void {
    const { chosen } = this;
    const readable = chosen && this.isActive && this.stateOf(chosen) === 'active' ? chosen : undefined;
    if (readable === this.wanted) return;
    this.wanted = readable;
    this.wantedSince = this.#clock.now();
    this.onWanted();
  }

  /** People put in order what they have broken, as far as that can be. */
  calm(): void {
    this.activate(true);
    const { chosen } = this;
    if (chosen && this.stateOf(chosen) === 'scheduled') this.lift(chosen, false);
    if (this.nature.kind === 'followed') this.add(others);
  }
}

export const valueIn = ({ id }: Issued): string => `VALUE:${id}.0`;
