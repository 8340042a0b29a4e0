/** The real static secrets of Infisical in one process of the world: every request is at the mercy of the world. */
import { LeaseError, ProviderBlocked } from '../../src/core/failure.ts';
import { Material } from '../../src/core/material.ts';
import type { Clock, Instant } from '../../src/core/time.ts';
import type { Token } from '../../src/sources/define.ts';
import type { HttpAnswer, HttpClient, HttpRequest } from '../../src/sources/http-client.ts';
import { asking } from '../../src/sources/infisical/client.ts';
import { type SecretsOptions, type StaticSecrets, staticSecrets } from '../../src/sources/infisical/secrets.ts';
import type { Source } from '../../src/sources/source.ts';
import type { Door } from './client.ts';
import type { Folder } from './folder.ts';
import { refused } from './folder-server.ts';
import type { House } from './house.ts';
import { backAfter, TooMany } from './rations.ts';

export interface FolderDoor extends Door {
  readonly folder: Folder;
  /** Somebody else may be at it right now. */
  readonly meanwhile: () => void;
}

/** One call of the keeper, of several requests perhaps, or of none where another has asked the same. */
interface Errand {
  readonly act: string;
  readonly door: FolderDoor;
  readonly begunAt: Instant;
  /** The key of the acquire that it is. */
  readonly intent?: string;
  isSent: boolean;
  hasArrived: boolean;
}

interface Connection {
  readonly secrets: StaticSecrets;
  /** What is under way, the latest last. */
  readonly errands: Errand[];
}

/** The same in every process, as what is sealed is. */
const markKey = Buffer.alloc(32, 7);

/** Those of one process: all secrets of a provider are had through the same. */
export function folderClients(steady: Clock): (door: FolderDoor) => Source {
  const connections = new Map<House, Connection>();
  return (door) => {
    const connection = connections.get(door.house) ?? connect(door, steady);
    connections.set(door.house, connection);
    return told(door, connection.secrets.open(optionsOf(door.folder)), connection.errands);
  };
}

function connect(door: FolderDoor, steady: Clock): Connection {
  const { clock, uncertainty, knowsTime, tokenRejected } = door;
  const errands: Errand[] = [];
  // All is dated by the clock of the one client.
  const request = (asked: HttpRequest) => {
    const errand = errandOf(asked, errands);
    return send({ ...errand, door: { ...errand.door, clock } }, asked, errands);
  };
  const http: HttpClient = { clock, uncertainty, knowsTime, request, close: () => Promise.resolve() };
  const nobody = () => undefined;
  const deps = { name: door.house.name, clock: steady, env: {}, onRequest: nobody, onSkew: nobody };
  const client = asking(http, { ...deps, token: () => tokenAt(door), tokenRejected });
  return { secrets: staticSecrets(client, steady, markKey), errands };
}

/** Tells what is done to whoever keeps the books. */
function told(door: FolderDoor, source: Source, errands: Errand[]): Source {
  const on =
    <A extends unknown[], T>(act: string, call: ((...given: A) => Promise<T>) | undefined) =>
    async (...given: A): Promise<T> => {
      const { key } = given.at(-1) as { readonly key?: string };
      const isTold = act !== 'acquire';
      const errand = {
        act,
        door,
        begunAt: door.now(),
        ...(key !== undefined && { intent: key }),
        isSent: isTold,
        hasArrived: isTold,
      };
      errands.push(errand);
      try {
        if (!call) throw new Error('it has no such ability');
        return await call(...given);
      } finally {
        errands.splice(errands.indexOf(errand), 1);
      }
    };
  const acquire = on('acquire', source.acquire);
  return {
    ...source,
    acquire: async (call) => {
      const acquired = await acquire(call);
      door.folder.given(acquired.lease.id, acquired.material);
      return acquired;
    },
    ...(source.read && { read: on('read', source.read) }),
    ...(source.observe && { observe: on('observe', source.observe) }),
    ...(source.revoke && { revoke: on('revoke', source.revoke) }),
  };
}

function optionsOf({ how }: Folder): SecretsOptions {
  const { path, names, isEmptyAllowed, generate, server } = how;
  return {
    ...(server.isById ? { projectId: 'project-1' } : { project: 'shop' }),
    environment: 'prod',
    secretPath: path,
    recursive: false,
    imports: true,
    expandReferences: true,
    names,
    allowEmpty: isEmptyAllowed,
    poll: how.poll,
    ...(generate !== undefined && {
      generate: { by: 'leasekeeper', key: generate, length: 12, classes: ['lowercase'], exclude: '' },
    }),
  };
}

/** Where no token is wanted any will do. */
function tokenAt({ token }: Door): Token | undefined {
  if (!token) return { lease: 'none', generation: 0, material: new Material({ token: 'none' }) };
  const shown = token();
  return shown && { ...shown, material: new Material({ token: shown.material.reveal('value') ?? '' }) };
}

/** On whose behalf it is asked: a change is asked for by who generates it, a list by the latest who wants to know. */
function errandOf({ method, path, body }: HttpRequest, errands: readonly Errand[]): Errand {
  const query = new URLSearchParams(path.split('?')[1] ?? '');
  const place = (body as { readonly secretPath?: string } | undefined)?.secretPath ?? query.get('secretPath') ?? '/';
  const there = errands.filter(({ door }) => door.folder.how.path === place);
  const changing = there.filter(({ act, door }) => (act === 'acquire' || act === 'revoke') && door.folder.how.generate);
  const errand = (method === 'PATCH' ? changing : there).at(-1);
  if (!errand) throw new Error(`nobody asks for ${method} ${path}`);
  return errand;
}

async function send(
  { act, door, intent }: Errand,
  asked: HttpRequest,
  errands: readonly Errand[],
): Promise<HttpAnswer> {
  const { house, life, chaos, clock, folder, meanwhile } = door;
  const { signal, method, bearer, operation } = asked;
  const { server } = folder;
  const sentAt = door.now();
  let answeredAt = sentAt;
  const ration = door.rations?.begin(operation, operation, clock.now() - sentAt);
  /** All who wait for it. */
  const concerned = () => errands.filter((errand) => errand.door.folder.server === server);
  const effect = (isAwaited: boolean) => {
    answeredAt = door.now();
    ration?.arrive(isAwaited);
    if (house.tokens !== undefined && !house.tokens.accepts(bearer ?? '')) return refused(401, 'UnauthorizedError');
    for (const errand of concerned()) {
      if (!errand.hasArrived) errand.door.onAcquire('arrived', errand.begunAt);
      errand.hasArrived = true;
    }
    meanwhile();
    const answer = server.answer({ ...asked, intent, sentAt });
    meanwhile();
    return answer;
  };
  try {
    const answer = await chaos.call({
      life,
      place: `call${server.path}`,
      within: [`provider/${house.name}`, `${act}/${house.name}`],
      hung: `hang/${house.name}`,
      isDispensable: act !== 'acquire' && act !== 'read',
      who: folder.name,
      signal,
      effect,
      limit: { isOn: () => house.isLimiting(operation), say: () => house.limit(operation) },
      beforeSending() {
        for (const errand of concerned()) {
          if (!errand.isSent) errand.door.onAcquire('sent', errand.begunAt);
          errand.isSent = true;
        }
      },
    });
    door.heard(sentAt, answeredAt);
    return { ...answer, sentAt: clock.now() };
  } catch (error) {
    // As it comes over the wire: with a date.
    if (error instanceof TooMany || error instanceof ProviderBlocked) {
      const isCounted = error instanceof TooMany;
      const retryAt = isCounted ? backAfter(error, clock.now()) : error.until;
      const limited = isCounted ? operation : error.kind;
      const told = { ...refused(429, 'RateLimitExceeded'), sentAt: clock.now(), retryAt };
      return { ...told, ...(limited !== undefined && { limited }) };
    }
    if (error instanceof LeaseError && error.unsure && method === 'GET') {
      throw new LeaseError(error.code, error.message);
    }
    throw error;
  } finally {
    ration?.hear();
  }
}
