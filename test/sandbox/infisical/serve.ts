/** Takes one request through the sandbox: faults, limits, authentication, the route's work, the answer. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { type Faults, type Misdeed, pick } from '../faults.ts';
import type { RequestBook } from '../ledger.ts';
import { passThrough } from '../passage.ts';
import { readBytes } from '../wire.ts';
import { addressOf } from './addresses.ts';
import { type Answer, ApiError, envelope, noSuchRoute, tooManyRequests, wentWrong } from './answers.ts';
import type { RouteName } from './faults.ts';
import type { Limiter } from './rate-limit.ts';
import type { Route } from './route.ts';
import { routes } from './routes.ts';
import { asOlder, namedOlder } from './secret-routes.ts';
import { authenticate } from './tokens.ts';
import { parseBody, send, withEnd } from './wire.ts';
import type { World } from './world.ts';

export interface Serving {
  readonly world: World;
  readonly faults: Faults<RouteName>;
  readonly limiter: Limiter;
}

/** Never rejects for anything a client can do. */
export async function serve(serving: Serving, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const { world, faults } = serving;
  const url = new URL(request.url ?? '/', 'http://sandbox');
  const asked = url.pathname.replace(/(?<=.)\/$/, '');
  const isNewer = world.flavour === '2026' && asked.startsWith('/api/v4/');
  const path = isNewer ? asOlder(asked) : asked;
  const route = routes.find((one) => one.method === request.method && one.pattern.test(path));
  const exchange = () => ({ request, response, now: world.clock.now() });
  if (route === undefined) return send(exchange(), noSuchRoute(request.method ?? '', request.url ?? ''), []);
  const misdeeds = faults.take(route.name);
  const book = openBook(world, route, misdeeds);
  const lie = pick(misdeeds, 'lie');
  await passThrough<Answer>({
    request,
    response,
    misdeeds,
    instead: () => insteadOfWork(misdeeds),
    async work() {
      const answer = await work(serving, { route, request, path, query: url.searchParams, isNewer }, book);
      return lie === undefined ? answer : withEnd(answer, world.clock.now() + lie.endsIn, lie.endsIn);
    },
    // The real server gives a client up after this long while its own work goes on (contract 6.6).
    patience: world.connectionTimeout,
    answer(answer) {
      book.status = answer.status;
      book.answeredAt = world.clock.now();
      send(exchange(), answer, misdeeds);
    },
  });
}

interface Work {
  readonly route: Route;
  readonly request: IncomingMessage;
  readonly path: string;
  readonly query: URLSearchParams;
  /** By the newer interface. */
  readonly isNewer: boolean;
}

async function work({ world, limiter }: Serving, asked: Work, book: RequestBook): Promise<Answer> {
  const { route, request } = asked;
  const address = addressOf(request);
  let headers: Record<string, string> = {};
  try {
    if (route.limit !== undefined) headers = limiter(route.name, address, route.limit);
    const bytes = await readBytes(request, wentWrong);
    const identity = route.auth ? authenticate(world, request.headers.authorization, address) : undefined;
    if (identity !== undefined) book.identity = identity.name;
    const body = parseBody(request, bytes);
    const parts = (route.pattern.exec(asked.path) ?? []).slice(1).map(decodeURIComponent);
    const query = Object.fromEntries(asked.query);
    const named = asked.isNewer ? { query: namedOlder(query), body: namedOlder(body) } : { query, body };
    const content = await route.handle({ world, address, identity, ...named, parts });
    if (route.method !== 'GET') world.changed();
    return { status: 200, body: content, headers };
  } catch (error) {
    // A refusal may have ended a token.
    if (route.method !== 'GET') world.changed();
    const known = error instanceof ApiError;
    if (!known && !request.destroyed) world.books.trouble(error);
    const answer = envelope(known ? error : wentWrong());
    return { ...answer, headers: { ...headers, ...answer.headers } };
  }
}

function insteadOfWork(misdeeds: readonly Misdeed[]): Answer | undefined {
  const failure = pick(misdeeds, 'fail');
  if (failure !== undefined) {
    const { status, error = 'InternalServerError', message = 'Something went wrong' } = failure;
    return envelope(new ApiError(status, error, message));
  }
  const limit = pick(misdeeds, 'limit');
  if (limit?.retryAfter !== undefined) return envelope(tooManyRequests(limit.retryAfter));
  if (limit !== undefined) {
    return envelope(new ApiError(429, 'RateLimitExceeded', 'Failed to acquire lock: rate limit exceeded'));
  }
  const page = pick(misdeeds, 'page');
  return page === undefined ? undefined : { status: page.status, body: null };
}

function openBook(world: World, route: Route, misdeeds: readonly Misdeed[]): RequestBook {
  const faults = misdeeds.map(({ kind }) => kind);
  return world.books.request({ at: world.clock.now(), route: route.name, method: route.method, faults });
}
