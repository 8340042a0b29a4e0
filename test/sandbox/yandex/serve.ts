/** Takes one request through a service: faults, authentication, strict reading, the route's work, the answer. */
import { randomUUID } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { type Faults, isMisdeed, type Misdeed, pick } from '../faults.ts';
import type { RequestBook } from '../ledger.ts';
import { passThrough } from '../passage.ts';
import type { LockboxMisdeed, RouteName } from './faults.ts';
import { readAs } from './fields.ts';
import { repeated } from './operations.ts';
import type { Order } from './orders.ts';
import type { Asked, Route } from './route.ts';
import { routes } from './routes.ts';
import type { Host } from './spec.ts';
import { type Answer, codeOf, codes, notFound, OtherAnswer, RpcError, tooManyRequests } from './status.ts';
import { authenticate } from './tokens.ts';
import { idempotencyKeyOf, messageIn, refusal, send, withEnds } from './wire.ts';
import type { World } from './world.ts';

export interface Serving {
  readonly world: World;
  readonly faults: Faults<RouteName, LockboxMisdeed>;
  readonly obey: (order: Order) => unknown;
}

/** Never rejects for anything a client can do. */
export async function serve(
  serving: Serving,
  host: Host,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const { world, faults } = serving;
  const url = new URL(request.url ?? '/', 'http://sandbox');
  const route = routes.find(
    (one) =>
      one.host === host && one.method === request.method && one.pattern.test(url.pathname) && isKnown(world, one),
  );
  const struck = route === undefined ? [] : faults.take(route.name);
  const misdeeds = struck.filter(isMisdeed);
  const requestId = randomUUID();
  const book = world.books.request({
    at: world.clock.now(),
    route: route?.name ?? 'unknown',
    ...(route === undefined && { target: `${host}${url.pathname}` }),
    method: request.method ?? '',
    faults: struck.map(({ kind }) => kind),
  });
  const refuse = (error: unknown) => refusal(host, error, requestId);
  await passThrough<Answer>({
    request,
    response,
    misdeeds,
    instead: () => (route === undefined ? refuse(notFound('Method')) : insteadOfWork(misdeeds, refuse)),
    async work() {
      try {
        const body = route && (await work(serving, { route, request, url, struck }, book));
        const lie = pick(misdeeds, 'lie');
        return { status: 200, body: lie === undefined ? body : withEnds(body, world.clock.now(), lie.endsIn) };
      } catch (error) {
        const isRefusal = error instanceof RpcError || error instanceof OtherAnswer;
        if (!isRefusal && !request.destroyed) world.books.trouble(error);
        return refuse(error);
      }
    },
    answer(answer) {
      book.status = answer.status;
      book.answeredAt = world.clock.now();
      send({ request, response, now: world.clock.now() }, { host, requestId, answer }, misdeeds);
    },
  });
}

const isKnown = (world: World, { name }: Route): boolean =>
  name !== 'version-set-current' || world.setCurrentVersion !== 'unknown';

interface Work {
  readonly route: Route;
  readonly request: IncomingMessage;
  readonly url: URL;
  readonly struck: readonly LockboxMisdeed[];
}

async function work(
  { world, obey }: Serving,
  { route, request, url, struck }: Work,
  book: RequestBook,
): Promise<unknown> {
  const header = (name: string) => [request.headers[name]].flat()[0];
  const meanwhile = pick(struck, 'meanwhile');
  const somebody = async (when: 'before' | 'after') => {
    if (meanwhile?.when === when) await obey(meanwhile.order);
  };
  // The body is taken in first, so that nothing is decided on what may be over by the time it is there.
  const sent = await messageIn(route, request, url);
  await somebody('before');
  world.clock.catchUp();
  const account = route.auth ? authenticate(world, header('authorization')) : undefined;
  if (account !== undefined) book.identity = account.name;
  const read = readAs(route.read, sent());
  const idempotencyKey = route.changes === true ? idempotencyKeyOf(header('idempotency-key')) : undefined;
  const known =
    account !== undefined && idempotencyKey !== undefined ? repeated(world, account.id, idempotencyKey) : undefined;
  const parts = (route.pattern.exec(url.pathname) ?? []).slice(1).map(decodeURIComponent);
  const asked: Asked = { world, route: route.name, account, parts, idempotencyKey, header, misdeeds: struck };
  const body = known ?? route.handle(asked, read as never);
  await somebody('after');
  return body;
}

function insteadOfWork(misdeeds: readonly Misdeed[], refuse: (error: unknown) => Answer): Answer | undefined {
  const failure = pick(misdeeds, 'fail');
  if (failure !== undefined) {
    const { status, code = codeOf(status), message = wordsOf(code) } = failure;
    return { ...refuse(new RpcError(code, message)), status };
  }
  const limit = pick(misdeeds, 'limit');
  if (limit !== undefined) {
    const wait = limit.retryAfter;
    return { ...refuse(tooManyRequests()), ...(wait !== undefined && { headers: { 'retry-after': String(wait) } }) };
  }
  const page = pick(misdeeds, 'page');
  return page === undefined ? undefined : { status: page.status, body: '' };
}

function wordsOf(code: number): string {
  if (code === codes.unavailable) return 'The service is currently unavailable. Try again in a few seconds.';
  if (code === codes.unauthenticated) return 'Token is invalid or has expired.';
  return code === codes.permissionDenied ? 'Permission denied' : 'Internal error';
}
