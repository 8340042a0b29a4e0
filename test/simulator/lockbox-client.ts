/** The real source of Lockbox in one process of the world: every request it sends is at the mercy of the world. */
import { LeaseError, ProviderBlocked } from '../../src/core/failure.ts';
import { Material } from '../../src/core/material.ts';
import type { Instant } from '../../src/core/time.ts';
import type { Token } from '../../src/sources/define.ts';
import type { HttpAnswer, HttpClient, HttpRequest } from '../../src/sources/http-client.ts';
import type { Source } from '../../src/sources/source.ts';
import { asking } from '../../src/sources/yandex/client.ts';
import { type LockboxOptions, lockboxSource } from '../../src/sources/yandex/lockbox.ts';
import type { Door } from './client.ts';
import { type LockboxServer, refusal } from './lockbox-server.ts';

/** One call of the keeper, of several requests perhaps. */
interface Errand {
  readonly act: string;
  readonly begunAt: Instant;
  /** The key of the acquire that it is. */
  readonly intent?: string;
  isSent: boolean;
  hasArrived: boolean;
}

export interface LockboxDoor extends Door {
  readonly server: LockboxServer;
  /** Somebody else may be at it right now. */
  readonly meanwhile: () => void;
}

export function lockboxClientOf(door: LockboxDoor): Source {
  const { life, clock, uncertainty, knowsTime } = door;
  let errand: Errand = { act: 'idle', begunAt: 0, isSent: true, hasArrived: true };
  const request = (asked: HttpRequest) => send(door, errand, asked);
  const http: HttpClient = { clock, uncertainty, knowsTime, request, close: () => Promise.resolve() };
  const client = asking(
    { lockbox: http, payload: http, operation: http },
    { token: () => tokenAt(door), tokenRejected: door.tokenRejected },
    (length, signal) => life.pass(length, signal),
  );
  const source = lockboxSource(client, optionsOf(door.server));
  const on =
    <A extends unknown[], T>(act: string, call: ((...given: A) => Promise<T>) | undefined) =>
    (...given: A): Promise<T> => {
      const last = given.at(-1) as { readonly key?: string };
      errand = {
        act,
        begunAt: door.now(),
        isSent: act !== 'acquire',
        hasArrived: act !== 'acquire',
        ...(last.key !== undefined && { intent: last.key }),
      };
      return call ? call(...given) : Promise.reject(new Error('it has no such ability'));
    };
  return {
    ...source,
    acquire: on('acquire', source.acquire),
    ...(source.read && { read: on('read', source.read) }),
    ...(source.observe && { observe: on('observe', source.observe) }),
    ...(source.renew && { renew: on('renew', source.renew) }),
    ...(source.revoke && { revoke: on('revoke', source.revoke) }),
  };
}

function optionsOf({ versions: { name, nature, how } }: LockboxServer): LockboxOptions {
  const { isPinned, generate, onDestroyScheduled, watchVersions, pendingPeriod } = how;
  const byUs = { by: 'leasekeeper', key: 'value', length: 12, classes: ['digits'], exclude: '' } as const;
  return {
    secretId: name,
    poll: nature.observeEvery ?? 0,
    onDestroyScheduled,
    watchVersions,
    ...(isPinned && { version: `${name}-1` }),
    ...(generate && { generate: generate === 'lockbox' ? { by: generate } : byUs, pendingPeriod }),
  };
}

/** Where no token is wanted any will do. */
function tokenAt({ token }: Door): Token | undefined {
  if (!token) return { lease: 'none', generation: 0, material: new Material({ token: 'none' }) };
  const shown = token();
  return shown && { ...shown, material: new Material({ token: shown.material.reveal('value') ?? '' }) };
}

async function send(door: LockboxDoor, errand: Errand, asked: HttpRequest): Promise<HttpAnswer> {
  const { house, life, chaos, clock, server, onAcquire, meanwhile } = door;
  const { signal, sendBy, method, bearer } = asked;
  const isPayload = asked.operation === 'payload-get';
  const sentAt = door.now();
  let answeredAt = sentAt;
  const effect = (isAwaited: boolean) => {
    answeredAt = door.now();
    if (house.tokens !== undefined && !house.tokens.accepts(bearer ?? '')) return refusal(16);
    if (!errand.hasArrived) onAcquire('arrived', errand.begunAt);
    errand.hasArrived = true;
    meanwhile();
    const { headers = {}, ...rest } = asked;
    const key = headers['idempotency-key'];
    const told = server.answer({ ...rest, key, intent: errand.intent, sentAt, isUnheard: !isAwaited });
    meanwhile();
    return told;
  };
  try {
    const told = await chaos.call({
      life,
      place: `call/${server.versions.name}`,
      within: [
        `provider/${house.name}`,
        `${errand.act}/${house.name}`,
        ...(isPayload ? [`payload/${house.name}`] : []),
      ],
      hung: `hang/${house.name}`,
      isDispensable: errand.act !== 'acquire' && errand.act !== 'read',
      who: server.versions.name,
      signal,
      effect,
      limit: { isOn: () => house.isLimiting(errand.act), say: () => house.limit(errand.act) },
      beforeSending() {
        if (sendBy !== undefined && clock.now() > sendBy) throw new LeaseError('unavailable', 'too late to be sent');
        if (!errand.isSent) onAcquire('sent', errand.begunAt);
        errand.isSent = true;
      },
    });
    door.heard(sentAt, answeredAt);
    return { ...told, sentAt: clock.now() };
  } catch (error) {
    // As it comes over the wire: with a date.
    if (error instanceof ProviderBlocked)
      return { ...refusal(8), status: 429, sentAt: clock.now(), retryAt: error.until };
    if (error instanceof LeaseError && error.unsure && method === 'GET') {
      throw new LeaseError(error.code, error.message);
    }
    throw error;
  }
}
