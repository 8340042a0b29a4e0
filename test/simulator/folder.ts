/** What one secret takes of a folder, as its books have it: each set of values that there was to be had is a lease. */
import type { Material } from '../../src/core/material.ts';
import type { Instant } from '../../src/core/time.ts';
import { calmFolder, type FolderNature } from './folder-nature.ts';
import type { FolderServer } from './folder-server.ts';
import { type Issued, never } from './issued.ts';
import { Issuer } from './issuer.ts';
import type { Nature } from './nature.ts';
import type { Dice, Timeline } from './timeline.ts';

export class Folder extends Issuer {
  readonly how: FolderNature;
  readonly server: FolderServer;
  /** The values that are to be had, as long as all of them can be read; and since when that is so. */
  wanted: Issued | undefined;
  wantedSince: Instant = 0;
  /** Since when all values can be read, whatever they are. */
  readableSince: Instant = 0;
  onWanted: () => void = () => undefined;
  /** What our leases are called. */
  readonly #named = new Map<string, Issued>();
  /** Values of what we generate that we have been given to keep. */
  readonly taken = new Set<string>();
  readonly #clock: Timeline;

  constructor(name: string, nature: Nature, server: FolderServer, timeline: Timeline, dice: Dice) {
    super(name, nature, timeline, dice);
    this.#clock = timeline;
    this.how = nature.folder ?? calmFolder;
    this.server = server;
    server.onEdit.push(() => this.#see());
    this.#see();
  }

  override valueOf = (material: Material): string =>
    inWords(this.name, new Map(material.keys().map((key) => [key, material.reveal(key) ?? ''])));

  override named = (lease: string): Issued | undefined => this.#named.get(lease);

  /** The answer of an acquire has come. */
  given(lease: string, material: Material): void {
    const issued = this.leaseOf(this.valueOf(material));
    if (issued) this.#named.set(lease, issued);
    const made = this.how.generate === undefined ? undefined : material.reveal(this.how.generate);
    if (made !== undefined) this.taken.add(made);
  }

  /** The value that we generate is one that we made, and never works. */
  get isOfNoUse(): boolean {
    const row = this.server.rows.get(this.how.generate ?? '');
    return row?.by !== undefined && !this.server.isFit(row.value);
  }

  #see(): void {
    const values = this.#readable();
    const issued = values && this.#lease(values);
    if (issued === this.wanted) return;
    if (this.wanted === undefined) this.readableSince = this.#clock.now();
    this.wanted = issued;
    this.wantedSince = this.#clock.now();
    if (issued && issued !== this.current) {
      this.current = issued;
      this.currentSince = this.wantedSince;
      this.last = [issued, ...this.last.slice(0, 9)];
    }
    this.onWanted();
  }

  /** By their names, where nothing is in the way of having them. */
  #readable(): ReadonlyMap<string, string> | undefined {
    const { names, isEmptyAllowed, generate } = this.how;
    const { rows, imports, isForbidden, isEmptied } = this.server;
    if (isForbidden) return undefined;
    if (isEmptied) return isEmptyAllowed ? new Map() : undefined;
    const all = new Map([...imports, ...rows].filter(([name]) => names?.includes(name) ?? true));
    if (names?.some((name) => !all.has(name))) return undefined;
    if (generate !== undefined && !rows.has(generate)) return undefined;
    if ([...all.values()].some(({ isHidden }) => isHidden)) return undefined;
    return new Map([...all].map(([name, { value }]) => [name, value]));
  }

  #lease(values: ReadonlyMap<string, string>): Issued {
    const value = inWords(this.name, values);
    const before = this.leaseOf(value);
    if (before) return before;
    const now = this.#clock.now();
    const issued: Issued = {
      id: value.slice('VALUE:'.length, -'.0'.length),
      key: 'others',
      issuedAt: now,
      maxExpiresAt: never,
      terms: [{ from: now, end: never }],
      endedAt: never,
      surprisedAt: Number.NEGATIVE_INFINITY,
      isFit: [...values.values()].every(this.server.isFit),
      isOurs: false,
    };
    this.leases.set(issued.id, issued);
    return issued;
  }
}

/** All of them as one: what was never there together is nothing that there was. */
function inWords(secret: string, values: ReadonlyMap<string, string>): string {
  const sorted = [...values].sort(([a], [b]) => (a < b ? -1 : 1));
  const words = sorted.map(([name, value]) => `${name}=${JSON.stringify(value.replace('VALUE:', ''))}`);
  return `VALUE:${secret}{${words.join(' ')}}.0`;
}
