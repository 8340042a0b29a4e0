/** A simulated Lockbox as seen over the wire: answers requests about one secret as the contract has it. */
import type { Instant } from '../../src/core/time.ts';
import type { House } from './house.ts';
import { endOfTerm, type Issued } from './issued.ts';
import { type Change, type Operation, Operations } from './lockbox-operations.ts';
import type { Dice, Timeline } from './timeline.ts';
import { others, type Versions, valueIn } from './versions.ts';

export interface Asked {
  readonly method: string;
  readonly path: string;
  readonly body?: unknown;
  readonly key?: string | undefined;
  /** The key of the acquire that asks. */
  readonly intent?: string | undefined;
  /** When it was sent; absent: now. What has happened since nobody could know who sent it. */
  readonly sentAt?: Instant;
  /** Nobody waits for the answer any more: what it shows nobody sees. */
  readonly isUnheard?: boolean;
}

export interface Told {
  readonly status: number;
  readonly json?: unknown;
}

interface Body {
  readonly versionId?: string;
  readonly baseVersionId?: string;
  readonly pendingPeriod?: string;
  readonly payloadEntries?: readonly unknown[];
}

const statusOf: Readonly<Record<number, number>> = { 3: 400, 5: 404, 9: 400, 10: 409, 12: 501, 16: 401 };
export const refusal = (code: number): Told => ({ status: statusOf[code] ?? 500, json: { code, message: 'no' } });

/** So many versions to a page. */
const pageSize = 8;

export class LockboxServer {
  readonly versions: Versions;
  readonly #house: Pick<House, 'skew'>;
  readonly #timeline: Timeline;
  readonly operations: Operations;

  constructor(versions: Versions, house: Pick<House, 'skew'>, timeline: Timeline, dice: Dice) {
    this.versions = versions;
    this.#house = house;
    this.#timeline = timeline;
    this.operations = new Operations(versions, timeline, dice);
  }

  calm(): void {
    this.operations.isCalm = true;
    this.versions.calm();
  }

  answer(asked: Asked): Told {
    const { method, path } = asked;
    const [, what = '', query = ''] = /^\/lockbox\/v1\/secrets\/[^/:?]+([^?]*)(?:\?(.*))?$/.exec(path) ?? [];
    const params = new URLSearchParams(query);
    if (method === 'GET' && what === '/versions') return this.#list(Number(params.get('pageToken') ?? 0));
    if (method === 'GET' && what === '/payload') return this.#payload(params.get('versionId') ?? '');
    if (method === 'GET' && path.startsWith('/operations/')) return this.#poll(path.slice('/operations/'.length));
    if (method === 'GET' && what === '') return this.#secret(asked);
    if (method === 'POST') return this.#change(what.slice(1), asked);
    return refusal(5);
  }

  #secret({ isUnheard }: Asked): Told {
    const { name, current, how, isActive } = this.versions;
    if (!isUnheard) this.versions.show();
    const isShown = current && (how.server.showsDestroyed || this.versions.stateOf(current) !== 'destroyed');
    return {
      status: 200,
      json: {
        id: name,
        status: isActive ? 'ACTIVE' : 'INACTIVE',
        ...(isShown && { currentVersion: this.#show(current) }),
        ...(how.generate === 'lockbox' && { passwordPayloadSpecification: { passwordKey: 'value' } }),
      },
    };
  }

  #show(issued: Issued): object {
    const state = this.versions.stateOf(issued);
    const status = { active: 'ACTIVE', scheduled: 'SCHEDULED_FOR_DESTRUCTION', destroyed: 'DESTROYED' }[state];
    return {
      id: issued.id,
      createdAt: this.#date(issued.issuedAt),
      ...(issued.key !== others && { description: 'made by leasekeeper' }),
      status,
      ...(state === 'scheduled' && { destroyAt: this.#date(endOfTerm(issued)) }),
    };
  }

  #date = (at: Instant): string => new Date(at + this.#house.skew).toISOString();

  #list(from: number): Told {
    const all = [...this.versions.leases.values()].reverse();
    const page = all.slice(from, from + pageSize);
    const next = from + pageSize < all.length ? { nextPageToken: String(from + pageSize) } : {};
    return { status: 200, json: { versions: page.map((issued) => this.#show(issued)), ...next } };
  }

  #payload(id: string): Told {
    const issued = this.versions.leases.get(id);
    if (!issued) return refusal(5);
    if (!this.versions.isActive || this.versions.stateOf(issued) !== 'active') return refusal(9);
    this.versions.onRead(issued);
    return { status: 200, json: { versionId: id, entries: [{ key: 'value', textValue: valueIn(issued) }] } };
  }

  #poll(id: string): Told {
    const operation = this.operations.of(id);
    return operation ? this.#tell(operation) : refusal(5);
  }

  #tell({ id, versionId, isDone, code }: Operation): Told {
    const issued = this.versions.leases.get(versionId);
    return {
      status: 200,
      json: {
        id,
        done: isDone,
        metadata: { versionId },
        ...(code !== undefined && { error: { code, message: 'no' } }),
        ...(isDone && code === undefined && issued && { response: this.#show(issued) }),
      },
    };
  }

  #change(verb: string, { key, intent, body, sentAt = this.#timeline.now() }: Asked): Told {
    const asked = (body ?? {}) as Body;
    const id = asked.versionId ?? '';
    const same = this.operations.before(key);
    // What has failed once is what its key is answered for ever: whoever was killed since has to find that out again.
    if (same?.code !== undefined) this.operations.onLate(this.#timeline.now(), true);
    if (same) return this.#tell(same);
    if (this.operations.isBusy && this.versions.how.server.abortsConcurrent) return refusal(10);
    switch (verb) {
      case 'addVersion':
        return this.#operate(key, this.#addition(asked, intent));
      case 'setCurrentVersion':
        if (!this.versions.how.server.setsCurrent) return refusal(12);
        return this.#operate(
          key,
          this.operations.changeOf(id, ['active'], (issued) => this.versions.makeCurrent(issued)),
        );
      case 'scheduleVersionDestruction':
        return this.#operate(key, this.#destruction(asked, sentAt));
      case 'cancelVersionDestruction':
        return this.#operate(
          key,
          this.operations.changeOf(id, ['scheduled'], (issued) => this.versions.lift(issued, true)),
        );
      default:
        return refusal(5);
    }
  }

  #addition({ baseVersionId, payloadEntries = [] }: Body, intent: string | undefined): Change {
    const versions = this.versions;
    const { generate, server } = versions.how;
    const id = versions.nextId();
    const base = baseVersionId === undefined ? undefined : versions.leases.get(baseVersionId);
    const usable = server.buildsOnScheduled ? ['active', 'scheduled'] : ['active'];
    // Without a value of its own it is the same as its base.
    const isCopy = intent === undefined || (generate === 'leasekeeper' && payloadEntries.length === 0);
    return {
      versionId: id,
      check: () => {
        if (!versions.isActive) return 9;
        // A value that somebody made for a secret whose values the server makes.
        if (generate === 'lockbox' && payloadEntries.length > 0) return 3;
        if (baseVersionId !== undefined && !base) return 5;
        return base && generate !== 'lockbox' && !usable.includes(versions.stateOf(base)) ? 9 : undefined;
      },
      act: () => {
        const made = versions.add(isCopy ? 'copy' : intent, { id, ...(isCopy && { copyOf: base }) });
        versions.onAdd(made, isCopy ? undefined : intent);
      },
    };
  }

  #destruction({ versionId = '', pendingPeriod = '' }: Body, sentAt: Instant): Change {
    const versions = this.versions;
    const end = this.#timeline.now() + Number(/^(\d+)s$/.exec(pendingPeriod)?.[1] ?? Number.NaN) * 1000;
    const { check, act } = this.operations.changeOf(versionId, ['active', 'scheduled'], (issued) =>
      versions.plan(issued, end, true),
    );
    const issued = versions.leases.get(versionId);
    const onAccepted = () => issued && versions.onSchedule(issued, sentAt, end);
    return { versionId, check: () => (Number.isFinite(end) ? check() : 3), act, onAccepted };
  }

  #operate(key: string | undefined, change: Change): Told {
    const begun = this.operations.begin(key, change);
    return typeof begun === 'number' ? refusal(begun) : this.#tell(begun);
  }
}
