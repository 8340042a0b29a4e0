/** What others do to our leases and sinks. */
import type { Kept } from './excuses.ts';
import type { Provocation } from './focus.ts';
import { others } from './versions.ts';
import type { World } from './world.ts';

export class Meddlers {
  readonly #world: World;

  constructor(world: World) {
    this.#world = world;
  }

  begin(): void {
    const { meddling } = this.#world.plan;
    if (meddling > 0) this.#next();
  }

  #next(): void {
    const { plan, timeline, dice } = this.#world;
    timeline.after(dice.gap(plan.meddling), () => {
      if (timeline.now() >= plan.trouble) return;
      this.#meddle();
      this.#next();
    });
  }

  #meddle(): void {
    const { kept, dice } = this.#world;
    const one = kept[dice.between(0, kept.length)];
    if (!one) return;
    if (dice.chance(0.3)) this.#wipe(one);
    else if (one.lockbox) this.#world.meddlers.meddle(one);
    else if (one.folder) this.#world.folderMeddlers.meddle(one);
    else if (!one.isExclusive && one.issuer.nature.canSearch && dice.chance(0.4)) one.issuer.take('others');
    else this.#end(one);
  }

  provoke(what: Provocation['what']): void {
    const world = this.#world;
    const one = world.kept.find(({ isToken }) => !isToken);
    if (!one) return;
    if (what === 'crash') world.crash();
    if (what === 'wipe') this.#wipe(one);
    if (what === 'spill') world.records.spill(one.name);
    if (what === 'version') {
      one.lockbox?.versions.add(others);
      this.#world.folderMeddlers.change(one);
    }
    if (what === 'end') this.#end(one);
    if (what === 'refuse') one.issuer.refusals++;
    if (what === 'rotate' || what === 'renew' || what === 'revoke') this.#ask(one, what);
  }

  #ask({ name }: Kept, what: 'rotate' | 'renew' | 'revoke'): void {
    const { judge, timeline } = this.#world;
    this.#say(`asks to ${what} ${name}`);
    if (what === 'revoke') judge.askedToRevoke.set(name, timeline.now());
    this.#world.ask(name, what);
  }

  #say(what: string): void {
    this.#world.log?.(`${this.#world.timeline.now()} somebody ${what}`);
  }

  #wipe({ places }: Kept): void {
    const place = places[this.#world.dice.between(0, places.length)];
    this.#say(`wipes ${place?.path}`);
    place?.wipe();
  }

  /** One of the last that were issued is ended, or forgotten by the provider. */
  #end({ issuer, house }: Kept): void {
    // Of a token without an end nobody would ever hear, unless somebody uses it.
    if (issuer.nature.ttl === undefined && issuer !== house.tokens) return;
    const ours = [...issuer.leases.values()].filter(({ key }) => key !== others);
    const issued = ours.at(-this.#world.dice.between(1, 3));
    if (!issued) return;
    this.#say(`ends ${issued.id}`);
    issuer.end(issued);
  }
}
