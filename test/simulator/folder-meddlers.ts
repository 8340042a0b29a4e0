/** What others do to a folder of static secrets, by themselves and right in the midst of what we do. */
import { type Duration, type Instant, minutes } from '../../src/core/time.ts';
import type { Kept } from './excuses.ts';
import { firstNames, generated, pair } from './folder-nature.ts';
import type { FolderServer, Pending } from './folder-server.ts';
import { idle } from './timeline.ts';
import type { World } from './world.ts';

/** Each as it is counted. */
export const folderMeddlings = [
  'others change a secret',
  'others change what we generate',
  'a pair is rotated',
  'others add a secret',
  'others delete a secret',
  'others stir the folder',
  'others race our request for a folder',
  'the folder is emptied',
  'a value is hidden',
  'the role is taken away',
  'an approval is wanted',
  'somebody says yes',
  'somebody says no',
] as const;
type Meddling = (typeof folderMeddlings)[number];

export class FolderMeddlers {
  readonly #world: World;
  #added = 0;

  constructor(world: World) {
    this.#world = world;
    for (const { folder } of world.kept) {
      if (folder) folder.server.onApproval = (pending) => this.#consider(folder.server, pending);
    }
  }

  begin(): void {
    const servers = new Set(this.#world.kept.flatMap(({ folder }) => folder?.server ?? []));
    for (const server of servers) if (server.how.meddling > 0) this.#next(server);
  }

  #next(server: FolderServer): void {
    const { plan, timeline, dice } = this.#world;
    timeline.after(dice.gap(server.how.meddling), () => {
      if (timeline.now() >= plan.trouble) return idle;
      this.#meddle(server);
      this.#next(server);
      return idle;
    });
  }

  /** Right before and right after a request of ours takes effect. */
  race({ folder }: Kept): void {
    const { plan, timeline, dice } = this.#world;
    if (!folder || folder.how.racing === 0 || timeline.now() >= plan.trouble || !dice.chance(folder.how.racing)) return;
    this.#tell('others race our request for a folder', folder.server);
    this.#meddle(folder.server);
  }

  meddle({ folder }: Kept): void {
    if (folder) this.#meddle(folder.server);
  }

  /** They change whatever one, and no more than that. */
  change({ folder }: Kept): void {
    if (folder) this.#do('others change a secret', folder.server);
  }

  #meddle(server: FolderServer): void {
    this.#do(
      this.#world.dice.oneOf<Meddling>(
        'others change a secret',
        'others change a secret',
        'others change what we generate',
        'a pair is rotated',
        'a pair is rotated',
        'others add a secret',
        'others delete a secret',
        'others stir the folder',
        'the folder is emptied',
        'a value is hidden',
        'the role is taken away',
        'an approval is wanted',
        'an approval is wanted',
      ),
      server,
    );
  }

  #do(what: Meddling, server: FolderServer): void {
    const { dice } = this.#world;
    const [first = generated, ...others] = server.rows.keys();
    const one = dice.oneOf(first, ...others);
    this.#tell(what, server);
    const all: Partial<Record<Meddling, () => void>> = {
      // What they type by mistake at its ends is taken away.
      'others change a secret': () =>
        server.set({ [one]: dice.oneOf('', '', '  ') + server.newValue() + dice.oneOf('', '', ' ', '\n\n') }),
      'others change what we generate': () => server.set({ [generated]: server.newValue() }),
      'a pair is rotated': () => this.#rotate(server),
      'others add a secret': () => server.set({ [`EXTRA${++this.#added % 3}`]: server.newValue() }),
      'others delete a secret': () => this.#delete(server, one),
      'others stir the folder': () => server.stir(),
      'the folder is emptied': () =>
        this.#forAWhile(server, (isOn) => {
          server.isEmptied = isOn;
        }),
      'the role is taken away': () =>
        this.#forAWhile(server, (isOn) => {
          server.isForbidden = isOn;
        }),
      'a value is hidden': () => {
        server.hide(one, true);
        this.#later(() => server.hide(one, false));
      },
      'an approval is wanted': () => {
        server.wantsApproval = true;
        this.#later(() => {
          server.wantsApproval = false;
        }, minutes(60));
      },
    };
    all[what]?.();
  }

  #rotate(server: FolderServer): void {
    const value = server.newValue();
    server.set(Object.fromEntries(pair.map((name) => [name, value])));
  }

  /** What many rely on is soon there again. */
  #delete(server: FolderServer, name: string): void {
    server.edit(() => server.rows.delete(name));
    if (!(firstNames as readonly string[]).includes(name)) return;
    this.#later(() => {
      if (!server.rows.has(name)) server.set({ [name]: server.newValue() });
    });
  }

  #forAWhile(server: FolderServer, set: (isOn: boolean) => void): void {
    server.edit(() => set(true));
    this.#later(() => server.edit(() => set(false)));
  }

  /** Somebody who misses it puts it in order. */
  #later(mend: () => void, most: Duration = minutes(25)): void {
    const { dice, timeline } = this.#world;
    const length: Duration = dice.oneOf(dice.between(0, minutes(1)), dice.between(minutes(1), most));
    timeline.after(length, () => {
      mend();
      return idle;
    });
  }

  /** Soon, late, or never. */
  #consider(server: FolderServer, pending: Pending): void {
    const { dice, timeline, plan } = this.#world;
    const at: Instant = timeline.now() + dice.oneOf(dice.between(0, minutes(3)), dice.between(minutes(3), minutes(20)));
    if (at >= plan.trouble || dice.chance(0.15)) return;
    const isYes = dice.chance(0.6);
    timeline.at(at, () => {
      if (!server.pending.includes(pending)) return idle;
      this.#tell(isYes ? 'somebody says yes' : 'somebody says no', server);
      server.decide(pending, isYes);
      return idle;
    });
  }

  #tell(what: Meddling, server: FolderServer): void {
    const { chaos, log, timeline } = this.#world;
    chaos.happened(what);
    log?.(`${timeline.now()} ${server.path}: ${what}`);
  }
}
