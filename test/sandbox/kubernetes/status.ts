/** Failures as the Kubernetes API tells of them (kubernetes.io/docs/reference/kubernetes-api/common-definitions/status). */

export interface Cause {
  readonly reason: string;
  readonly message: string;
  readonly field: string;
}

export interface Details {
  readonly name?: string;
  readonly kind?: string;
  readonly causes?: readonly Cause[];
  readonly retryAfterSeconds?: number;
}

export class Refused extends Error {
  readonly status: number;
  readonly reason: string;
  readonly details: Details;

  constructor(status: number, reason: string, message: string, details: Details = {}) {
    super(message);
    this.status = status;
    this.reason = reason;
    this.details = details;
  }
}

export const statusOf = ({ status, reason, message, details }: Refused) => ({
  kind: 'Status',
  apiVersion: 'v1',
  metadata: {},
  status: 'Failure',
  message,
  ...(reason !== '' && { reason }),
  details,
  code: status,
});

export const badRequest = (message: string) => new Refused(400, 'BadRequest', message);

export const notFound = (kind: string, name: string) =>
  new Refused(404, 'NotFound', `${kind} "${name}" not found`, { name, kind });

export const invalid = (name: string, causes: readonly Cause[]) =>
  new Refused(
    422,
    'Invalid',
    `Secret "${name}" is invalid: ${causes.map(({ field, message }) => `${field}: ${message}`).join(', ')}`,
    { name, kind: 'Secret', causes },
  );

export const modified = (kind: string, name: string, why = 'the object has been modified; please apply your changes') =>
  new Refused(409, 'Conflict', `Operation cannot be fulfilled on ${kind} "${name}": ${why}`, { name, kind });
