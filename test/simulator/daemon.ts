/** One process of ours in the world: the real keeper, with simulated ports. The only file that knows how it is put together. */

import { LeaseError } from '../../src/core/failure.ts';
import type { Request } from '../../src/core/record.ts';
import type { Duration } from '../../src/core/time.ts';
import { deliver } from '../../src/keeper/deliver.ts';
import type { KeeperEvent } from '../../src/keeper/events.ts';
import { Gate } from '../../src/keeper/gate.ts';
import { look } from '../../src/keeper/look.ts';
import { clockHasMoved, request, tokenRejected } from '../../src/keeper/notice.ts';
import { reload } from '../../src/keeper/reload.ts';
import { type Ports, type Secret, secretOf, type Visit } from '../../src/keeper/secret.ts';
import type { Job } from '../../src/queue/scheduler.ts';
import { type MemorySink, memorySink } from '../../src/sinks/memory.ts';
import { Lifeline } from '../../src/state/lifeline.ts';
import type { Store } from '../../src/state/store.ts';
import type { Chaos } from './chaos.ts';
import { clientOf, type Door } from './client.ts';
import type { Kept } from './excuses.ts';
import { folderClients } from './folder-client.ts';
import type { FolderMeddlers } from './folder-meddlers.ts';
import type { Judge } from './judge.ts';
import type { Life } from './life.ts';
import { lockboxClientOf } from './lockbox-client.ts';
import { Rations } from './rations.ts';
import type { Records } from './records.ts';
import { type Dice, idle, type Timeline } from './timeline.ts';
import { type Time, timesBy } from './times.ts';
import type { Troubles } from './troubles.ts';
import type { VersionMeddlers } from './version-meddlers.ts';
import type { Wakes } from './wakes.ts';

export interface Surroundings {
  readonly timeline: Timeline;
  readonly dice: Dice;
  readonly troubles: Troubles;
  readonly chaos: Chaos;
  readonly judge: Judge;
  readonly records: Records;
  readonly wakes: Wakes;
  readonly kept: readonly Kept[];
  readonly newKey: () => string;
  readonly onEvent: (event: KeeperEvent) => void;
  readonly kill: () => void;
  readonly hasLifeline: boolean;
  /** How far the machine's clock is ahead just now. Absent: all clocks are nearly right. */
  readonly clockError: (() => Duration) | undefined;
  readonly meddlers: VersionMeddlers;
  readonly folderMeddlers: FolderMeddlers;
}

/** What a person can ask of the process. */
export type Ask = (secret: string, what: Request) => void;

export function boot(world: Surroundings, life: Life): Ask {
  const { timeline, chaos, records, wakes, kept } = world;
  const store = records.store(life, { spoiled: (secret) => chaos.spoiled(secret), kill: world.kill });
  const scheduler = wakes.scheduler(life);
  const lookAgain = (secret: string) => void scheduler.wake({ kind: 'look', secret }, timeline.now());
  const ports: Ports = {
    store: world.hasLifeline ? lifelineOf(store, timeline, life, lookAgain) : store,
    scheduler,
    clock: timeline,
    uptime: () => timeline.now() - life.startedAt,
    deadline: (after) => life.deadline(after),
    emit: (event) => life.isAlive && world.onEvent(event),
    newKey: world.newKey,
  };
  const gates = new Map<string, Gate>();
  const gateOf = (name: string): Gate => {
    const gate = gates.get(name) ?? new Gate({ name, clock: timeline, emit: ports.emit });
    gates.set(name, gate);
    return gate;
  };
  const memories = new Map<string, MemorySink>();
  const secrets = new Map<string, Secret>();
  const visitOf = (name: string): Visit | undefined => {
    const secret = secrets.get(name);
    return secret && { secret, ports, signal: life.abort.signal };
  };
  const tell = (name: string, notice: (visit: Visit) => Promise<void>) => {
    const visit = visitOf(name);
    if (visit) notice(visit).catch(() => undefined);
  };
  for (const { isToken, house } of kept) {
    if (!isToken || house.tokens === undefined) continue;
    const changed = () => {
      gates.get(house.name)?.unblock();
    };
    memories.set(house.name, memorySink(changed));
  }
  const timeOf = timesBy(world, life, (house) => {
    for (const other of kept) if (other.house === house) tell(other.name, clockHasMoved);
  });
  const folderClient = folderClients(timeline);
  const rations = new Map(
    kept.flatMap(({ house }) => (house.limits ? [[house, new Rations(house.limits, timeline, chaos)] as const] : [])),
  );
  for (const one of kept) {
    const { name, house, issuer } = one;
    // Logins have a gate of their own: they must not wait for those who wait for a token.
    const door = issuer.nature.kind === 'token' ? `${house.name} logins` : house.name;
    const users = house.tokens === issuer ? gateOf(house.name) : undefined;
    secrets.set(
      name,
      secretOfKept(
        world,
        life,
        one,
        memories.get(house.name),
        { gate: gateOf(door), users, time: timeOf(house), folderClient, rations: rations.get(house) },
        tell,
      ),
    );
  }
  const jobs = kept.flatMap(({ name, places, isToken }): Job[] => [
    { kind: 'look', secret: name },
    ...places.map((place) => ({ kind: 'deliver' as const, secret: name, sink: place.name })),
    ...(isToken && places.length === 0 ? [{ kind: 'deliver' as const, secret: name, sink: 'memory' }] : []),
    ...(isTold(places) ? [{ kind: 'reload' as const, secret: name }] : []),
  ]);
  const handle = async (job: Job): Promise<void> => {
    const visit = visitOf(job.secret);
    if (!visit) return;
    if (job.kind === 'look') await look(visit);
    else if (job.kind === 'deliver') await deliver(visit, job.sink);
    else await reload(visit);
  };
  wakes.work(life, handle, jobs);
  // Of what was last seen before we started nothing is believed: everything is looked at.
  for (const job of jobs) void ports.scheduler.wake(job, timeline.now());
  /** Until it is noted what is taken meanwhile is as well. */
  const noted = async (visit: Visit, what: Request) => {
    try {
      await request(visit, what);
    } finally {
      if (what === 'revoke') world.judge.askedToRevoke.set(visit.secret.name, timeline.now());
    }
  };
  return (secret, what) => void life.whenAwake(() => tell(secret, (visit) => noted(visit, what)));
}

function lifelineOf(store: Store, timeline: Timeline, life: Life, onBack: (secret: string) => void): Store {
  const timer = (delay: number, happen: () => void) => {
    let isSet = true;
    const end = () => {
      if (!isSet || !life.isAlive) return idle;
      happen();
      return undefined;
    };
    timeline.after(delay, () => life.whenAwake(end, true));
    return () => {
      isSet = false;
    };
  };
  return new Lifeline({ store, clock: timeline, timer, onBack });
}

interface Shared {
  readonly gate: Gate;
  readonly users: Gate | undefined;
  readonly time: Time;
  readonly folderClient: ReturnType<typeof folderClients>;
  readonly rations: Rations | undefined;
}

function secretOfKept(
  { timeline, chaos, judge, meddlers, folderMeddlers }: Surroundings,
  life: Life,
  one: Kept,
  memory: MemorySink | undefined,
  { gate, users, time, folderClient, rations }: Shared,
  tell: (name: string, notice: (visit: Visit) => Promise<void>) => void,
): Secret {
  const { name, issuer, house, places, isToken, isVerified, isExclusive } = one;
  const door: Door = {
    house,
    issuer,
    life,
    chaos,
    ...time,
    ...(!isToken && memory && { token: () => present(memory) }),
    tokenRejected: (holding) => tell(house.tokens?.name ?? '', (visit) => tokenRejected(visit, holding)),
    now: () => timeline.now(),
    onAcquire: (what, begunAt) => judge.onAcquire(name, what, begunAt),
    onRejected: () => house.rejections.push(timeline.now()),
    ...(rations && { rations }),
  };
  const { lockbox, folder } = one;
  const source = lockbox
    ? lockboxClientOf({ ...door, server: lockbox, meanwhile: () => meddlers.race(one) })
    : folder
      ? folderClient({ ...door, folder, meanwhile: () => folderMeddlers.race(one) })
      : clientOf(door);
  const sinks = places.map((place) => [place.name, place.sink(life, chaos)] as const);
  return secretOf({
    name,
    type: issuer.nature.kind,
    provider: house.name,
    required: true,
    isToken,
    source,
    sinks: { ...Object.fromEntries(sinks), ...(isToken && memory && { memory }) },
    sinkTypes: {},
    policy: one.policy,
    exclusive: isExclusive,
    gate,
    ...(users && { users }),
    ...(isVerified && {
      verify: async (material, signal) => {
        const issued = issuer.leaseOf(issuer.valueOf(material));
        const effect = () => {
          if (issued?.isFit) return;
          judge.toldNo.set(name, timeline.now());
          throw new LeaseError('invalid', 'it does not work');
        };
        await chaos.call({ life, place: `proof/${name}`, who: name, signal, effect });
      },
    }),
    ...(isTold(places) && {
      reload: (signal) =>
        chaos.call({
          life,
          place: `reload/${name}`,
          who: `${name}/*`,
          signal,
          effect: () => {
            for (const place of places) place.takeUp('by the secret');
          },
        }),
    }),
  });
}

const isTold = (places: Kept['places']): boolean =>
  places.some(({ programs }) => programs.some(({ told }) => told === 'by the secret'));

function present(memory: MemorySink) {
  const held = memory.present();
  return held && { lease: held.lease, generation: held.generation, material: held.material };
}
