/**
 * What the promises mean where a secret is taken of a folder of static secrets. Nobody ends a value there; what is to be
 * had are all values of the folder as they are at one time, and consumers have them within one poll and the longest
 * back-off. An empty folder, a hidden value, a role that was taken away replace nothing. What we generate is changed once
 * for each intent, and never over others' heads.
 */
import { type Instant, minutes } from '../../src/core/time.ts';
import type { Kept } from './excuses.ts';
import type { Folder } from './folder.ts';
import { backAgain, type FolderServer } from './folder-server.ts';
import { aftermath, Had, patienceOf, wantedOf } from './had.ts';
import type { SinkPlace } from './place.ts';
import { valueIn } from './versions.ts';
import type { World } from './world.ts';

export function judgeFolders(world: World): void {
  for (const kept of world.kept) if (kept.folder) new FolderJudge(world, kept, kept.folder).begin();
}

/** What others have done so long before a change of ours was sent was shown to us right before it. */
const shown = minutes(2);

class FolderJudge {
  readonly #world: World;
  readonly #kept: Kept;
  readonly #folder: Folder;
  readonly #had: Had;
  readonly #contents = new Map<SinkPlace, string>();
  /** By intent, the value that was made for it. */
  readonly #made = new Map<string, string>();

  constructor(world: World, kept: Kept, folder: Folder) {
    this.#world = world;
    this.#kept = kept;
    this.#folder = folder;
    this.#had = new Had(world, kept, folder);
  }

  begin(): void {
    const { server, how } = this.#folder;
    for (const place of this.#kept.places) {
      const { onChange } = place;
      place.onChange = (changed, before) => {
        onChange(changed, before);
        this.#onContent(changed, before);
      };
    }
    this.#had.begin();
    if (how.generate === undefined) return;
    server.onPatch = (key, value, by, sentAt) => this.#onPatch(key, value, by, sentAt);
    server.onEdit.push(() => this.#watchUse(server));
  }

  #break(promise: number, what: string): void {
    this.#world.judge.break(promise, what);
  }

  /** Promise 7: what is to be had is not given up for what is not. What was never there is judged by `Judge`. */
  #onContent(place: SinkPlace, before: string | undefined): void {
    const { content } = place;
    if (content === undefined || content === before) return;
    const isTakenUp = this.#contents.get(place) === content;
    this.#contents.set(place, content);
    this.#had.serve(place);
    const wanted = wantedOf(this.#kept);
    if (isTakenUp || !wanted || before !== valueIn(wanted)) return;
    const { judge, timeline } = this.#world;
    const { wantedSince } = this.#folder;
    const now = timeline.now();
    if (now - wantedSince < patienceOf(this.#kept)) return;
    if (judge.excuses.felt(this.#kept, place, wantedSince - aftermath, now) !== undefined) return;
    this.#break(7, `${place.path} lost ${before}, to be had, to ${content}`);
  }

  /** Promise 4: one intent makes one value. Promise 7: what others have set is not changed before it was followed. */
  #onPatch(key: string, value: string, by: string, sentAt: Instant): void {
    const { server, taken } = this.#folder;
    const row = server.rows.get(key);
    const before = this.#made.get(by);
    if (by !== backAgain) this.#made.set(by, value);
    if (by !== backAgain && before !== undefined && before !== value) {
      this.#break(4, `${before} and ${value} were both made for one intent`);
    }
    if (!row || row.by !== undefined || row.since > sentAt - shown) return;
    if (by === backAgain) this.#break(7, `${row.value}, which others have set, was to be ${value} again`);
    else if (!taken.has(row.value)) this.#break(7, `${row.value}, which others have set, was changed unseen`);
  }

  /** Promise 7: what we have made and is of no use to anybody is put back, or replaced. */
  #watchUse(server: FolderServer): void {
    const { timeline, judge, kept } = { ...this.#world, kept: this.#kept };
    const { generate = '' } = this.#folder.how;
    const row = server.rows.get(generate);
    if (!kept.isVerified || !row || !this.#folder.isOfNoUse || row.since !== timeline.now()) return;
    const [place] = kept.places;
    const check = (from: Instant): void => {
      const now = timeline.now();
      if (server.rows.get(generate)?.value !== row.value || !place) return;
      // Who could not read it, or not change it, looks again after the longest back-off.
      const freeSince = Math.max(this.#folder.readableSince, server.approvedSince);
      if (freeSince + patienceOf(kept) > now) {
        timeline.watch(freeSince + patienceOf(kept), () => check(freeSince - aftermath));
        return;
      }
      const isHindered = this.#folder.wanted === undefined || server.wantsApproval || server.pending.length > 0;
      const thought = (judge.toldNo.get(kept.name) ?? Number.NEGATIVE_INFINITY) + minutes(60);
      const excuse = isHindered ? now : thought > now ? thought : judge.excuses.felt(kept, place, from, now);
      if (excuse === undefined) {
        this.#break(7, `${row.value} of ours never works, and is what everybody reads`);
        return;
      }
      timeline.watch(Math.max(excuse, now) + patienceOf(kept), () => check(Math.max(excuse, now) + 1));
    };
    timeline.watch(timeline.now() + patienceOf(kept), () => check(timeline.now() - aftermath));
  }
}
