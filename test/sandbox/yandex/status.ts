/** What the servers answer when they refuse: `google.rpc.Status`, and the HTTP status of each code (contract 5). */

export interface Answer {
  readonly status: number;
  /** JSON, or text that is sent as it is. */
  readonly body: unknown;
  readonly headers?: Readonly<Record<string, string>>;
}

/** The gRPC codes by their numbers. */
export const codes = {
  cancelled: 1,
  unknown: 2,
  invalidArgument: 3,
  deadlineExceeded: 4,
  notFound: 5,
  alreadyExists: 6,
  permissionDenied: 7,
  resourceExhausted: 8,
  failedPrecondition: 9,
  aborted: 10,
  outOfRange: 11,
  unimplemented: 12,
  internal: 13,
  unavailable: 14,
  dataLoss: 15,
  unauthenticated: 16,
} as const;

const httpStatuses = [200, 499, 500, 400, 504, 404, 409, 403, 429, 400, 409, 400, 501, 500, 503, 500, 401];

export const httpStatusOf = (code: number): number => httpStatuses[code] ?? 500;

/** The code a front gives for an HTTP status it makes itself. */
export const codeOf = (status: number): number => {
  const code = httpStatuses.indexOf(status, 1);
  return code < 0 || status === 500 ? codes.internal : status === 400 ? codes.invalidArgument : code;
};

export interface Violation {
  /** As in the proto: `snake_case`. */
  readonly field: string;
  readonly description: string;
}

/** A refusal on its way out. A class, because it is thrown. */
export class RpcError extends Error {
  readonly code: number;
  readonly details: readonly object[];

  constructor(code: number, message: string, details: readonly object[] = []) {
    super(message);
    this.code = code;
    this.details = details;
  }
}

/** An answer that is no JSON at all. */
export class OtherAnswer extends Error {
  readonly answer: Answer;

  constructor(status: number, body: string) {
    super(`${status}`);
    this.answer = { status, body, headers: { 'content-type': 'text/plain' } };
  }
}

export const notFound = (what: string) => new RpcError(codes.notFound, `${what} not found`);
export const failedPrecondition = (message: string) => new RpcError(codes.failedPrecondition, message);
export const permissionDenied = () => new RpcError(codes.permissionDenied, 'Permission denied');
/** About the IAM token a call shows. */
export const unauthenticated = () => new RpcError(codes.unauthenticated, 'Token is invalid or has expired.');
/** About a token or JWT that is to be exchanged. */
export const invalidToken = () => new RpcError(codes.unauthenticated, 'The token is invalid');
export const tooManyVersions = () =>
  new RpcError(codes.resourceExhausted, 'The limit on total number of versions has exceeded.');
export const modifiedConcurrently = () => new RpcError(codes.aborted, 'Secret is being modified concurrently');

export function invalid(violations: readonly Violation[]): RpcError {
  const lines = violations.map(({ field, description }) => `\n  - ${field}: ${description}`).join('');
  const detail = { '@type': 'type.googleapis.com/google.rpc.BadRequest', fieldViolations: violations };
  return new RpcError(codes.invalidArgument, `Validation failed:${lines}`, [detail]);
}

export const malformed = (message: string) => new RpcError(codes.invalidArgument, message);

export function tooManyRequests(): RpcError {
  const violations = [{ subject: 'requests', description: 'Too many requests' }];
  const detail = { '@type': 'type.googleapis.com/google.rpc.QuotaFailure', violations };
  return new RpcError(codes.resourceExhausted, 'The request limit exceeded.', [detail]);
}

export function envelope({ code, message, details }: RpcError, requestId: string): Answer {
  const info = { '@type': 'type.googleapis.com/google.rpc.RequestInfo', requestId };
  return { status: httpStatusOf(code), body: { code, message, details: [...details, info] } };
}
