/** Takes one request through the sandbox: faults, limits, authentication, the route's work, the answer. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { sleep, timer } from '../../../src/clock.ts';
import { addressOf } from './addresses.ts';
import { type Answer, ApiError, envelope, noSuchRoute, tooManyRequests, wentWrong } from './answers.ts';
import type { RequestBook } from './books.ts';
import { type Faults, latency, type Misdeed, pick } from './faults.ts';
import type { Limiter } from './rate-limit.ts';
import type { Route } from './route.ts';
import { routes } from './routes.ts';
import { authenticate } from './tokens.ts';
import { parseBody, readBytes, send, withEnd } from './wire.ts';
import type { World } from './world.ts';

export interface Serving {
  readonly world: World;
  readonly faults: Faults;
  readonly limiter: Limiter;
}

/** Never rejects for anything a client can do. */
export async function serve(serving: Serving, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const { world, faults } = serving;
  const url = new URL(request.url ?? '/', 'http://sandbox');
  const path = url.pathname.replace(/(?<=.)\/$/, '');
  const route = routes.find((one) => one.method === request.method && one.pattern.test(path));
  const exchange = () => ({ request, response, now: world.clock.now() });
  if (route === undefined) return send(exchange(), noSuchRoute(request.method ?? '', request.url ?? ''), []);
  const misdeeds = faults.take(route.name);
  const book = openBook(world, route, misdeeds);
  const answered = (answer: Answer) => {
    book.status = answer.status;
    book.answeredAt = world.clock.now();
    send(exchange(), answer, misdeeds);
  };
  const slow = pick(misdeeds, 'slow');
  if (slow !== undefined) await sleep(latency(slow));
  if (pick(misdeeds, 'refuse') !== undefined) return reset(request);
  const loss = pick(misdeeds, 'hang') ?? pick(misdeeds, 'cut');
  const lost = () => (loss?.kind === 'cut' ? reset(request) : undefined);
  if (loss?.work === false) return lost();
  const refusal = insteadOfWork(misdeeds);
  if (refusal !== undefined) return answered(refusal);

  // The real server gives a client up after this long while its own work goes on (contract 6.6).
  const patience = timer(world.connectionTimeout, () => request.socket.destroy());
  const answer = await work(serving, { route, request, path, query: url.searchParams }, book);
  patience();
  if (loss !== undefined) return lost();
  if (response.destroyed || request.socket.destroyed) return;
  const lie = pick(misdeeds, 'lie');
  answered(lie === undefined ? answer : withEnd(answer, world.clock.now() + lie.endsIn, lie.endsIn));
}

interface Work {
  readonly route: Route;
  readonly request: IncomingMessage;
  readonly path: string;
  readonly query: URLSearchParams;
}

async function work({ world, limiter }: Serving, asked: Work, book: RequestBook): Promise<Answer> {
  const { route, request } = asked;
  const address = addressOf(request);
  let headers: Record<string, string> = {};
  try {
    if (route.limit !== undefined) headers = limiter(route.name, address, route.limit);
    const bytes = await readBytes(request);
    const identity = route.auth ? authenticate(world, request.headers.authorization, address) : undefined;
    if (identity !== undefined) book.identity = identity.name;
    const body = parseBody(request, bytes);
    const parts = (route.pattern.exec(asked.path) ?? []).slice(1).map(decodeURIComponent);
    const query = Object.fromEntries(asked.query);
    const content = await route.handle({ world, address, identity, query, body, parts });
    if (route.method !== 'GET') world.changed();
    return { status: 200, body: content, headers };
  } catch (error) {
    // A refusal may have ended a token.
    if (route.method !== 'GET') world.changed();
    const known = error instanceof ApiError;
    if (!known && !request.destroyed)
      world.books.troubles.push(error instanceof Error ? String(error.stack) : String(error));
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
  const book: RequestBook = { at: world.clock.now(), route: route.name, method: route.method, faults };
  world.books.request(book);
  return book;
}

/** The client sees ECONNRESET rather than an orderly end. */
function reset(request: IncomingMessage): void {
  request.socket.resetAndDestroy();
}
