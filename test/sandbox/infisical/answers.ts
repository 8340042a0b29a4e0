/** What the server answers with, and its error envelope (contract 1.1). */
import { randomText } from '../random-text.ts';

export interface Answer {
  readonly status: number;
  readonly body: unknown;
  readonly headers?: Readonly<Record<string, string>>;
}

/** An error answer on its way out. A class, because it is thrown. */
export class ApiError extends Error {
  readonly status: number;
  readonly error: string;
  readonly content: unknown;
  readonly details: unknown;
  readonly headers: Readonly<Record<string, string>>;

  constructor(
    status: number,
    error: string,
    content: unknown,
    more: { details?: unknown; headers?: Record<string, string> } = {},
  ) {
    super(`${status} ${error}`);
    this.status = status;
    this.error = error;
    this.content = content;
    this.details = more.details;
    this.headers = more.headers ?? {};
  }
}

export const badRequest = (message: string) => new ApiError(400, 'BadRequest', message);
export const unauthorized = (message: string) => new ApiError(401, 'UnauthorizedError', message);
export const tokenError = (message: string) => new ApiError(403, 'TokenError', message);
export const notFound = (message: string) => new ApiError(404, 'NotFound', message);
export const invalid = (issues: readonly unknown[]) => new ApiError(422, 'ValidationFailure', issues);
export const wentWrong = (error = 'InternalServerError') => new ApiError(500, error, 'Something went wrong');

export const untrustedAddress = () =>
  new ApiError(403, 'ForbiddenError', 'You are not allowed to access this resource from the current IP address');

/** The server puts a sentence where other errors have their name (recorded: `ds-list-as-outsider`). */
export const notMember = (projectId: string) =>
  new ApiError(
    403,
    `Identity is not a member of the specified project with ID '${projectId}'`,
    'You are not allowed to access this resource',
  );

export const notAllowed = (action: string, subject: string, details: readonly unknown[] = []) =>
  new ApiError(403, 'PermissionDenied', `You are not allowed to ${action} on ${subject}`, { details });

export const tooManyRequests = (wait: number, headers: Record<string, string> = {}) =>
  new ApiError(429, 'RateLimitExceeded', `Rate limit exceeded. Please try again in ${wait} seconds`, {
    headers: { ...headers, 'retry-after': String(wait) },
  });

/** A route that is not there: the only error without a `reqId`. */
export const noSuchRoute = (method: string, target: string): Answer => ({
  status: 404,
  body: { message: `Route ${method}:${target} not found`, error: 'Not Found', statusCode: 404 },
});

/** Keys in the order the server writes them, so that equal content has equal bytes and an equal etag. */
export function envelope(error: ApiError): Answer {
  const { status, content, details, headers } = error;
  const more = details === undefined ? {} : { details };
  return {
    status,
    headers,
    body: { reqId: requestId(), statusCode: status, message: content, ...more, error: error.error },
  };
}

const requestId = () => `req-${randomText(14)}`;
