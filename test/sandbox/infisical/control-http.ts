/** The controls over HTTP, under `/__sandbox/`, for whoever starts the sandbox as a process. No part of Infisical's API. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { type Fault, routeNames } from './faults.ts';
import type { Condition } from './outage.ts';
import type { SandboxControl } from './sandbox.ts';
import { readBytes } from './wire.ts';

/** What `POST /__sandbox/faults` takes, besides a `Fault`: one call of the controls each. */
export type Order =
  | { readonly kind: 'down'; readonly for: number }
  | { readonly kind: 'skew'; readonly by: number }
  | { readonly kind: 'target'; readonly condition: Condition; readonly secret?: string }
  | { readonly kind: 'forget'; readonly lease?: string }
  | { readonly kind: 'drop-account'; readonly lease: string }
  | { readonly kind: 'lose-jobs' }
  | { readonly kind: 'remove-secret'; readonly secret: string; readonly phase: 'start' | 'finish' }
  | { readonly kind: 'revoke-client-secrets'; readonly identity?: string }
  | { readonly kind: 'add-client-secret'; readonly secret: string; readonly identity?: string }
  | { readonly kind: 'delete-identity'; readonly identity?: string }
  | { readonly kind: 'leave-project'; readonly project: string; readonly identity?: string }
  | { readonly kind: 'licence'; readonly valid: boolean };

/**
 * `GET /__sandbox/books` the books · `POST /__sandbox/faults` a `Fault` or an `Order` · `DELETE /__sandbox/faults` no
 * more faults · `POST /__sandbox/accepts` `{ values }` or `{ token }`: whether they would be let in.
 */
export async function serveControl(
  control: SandboxControl,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const asked = `${request.method} ${request.url}`;
  const answer = (status: number, body: unknown) => {
    response.writeHead(status, { 'content-type': 'application/json' });
    response.end(JSON.stringify(body));
  };
  try {
    const bytes = await readBytes(request);
    const body = bytes.length === 0 ? undefined : (JSON.parse(bytes.toString()) as unknown);
    if (asked === 'GET /__sandbox/books') return answer(200, control.books());
    if (asked === 'DELETE /__sandbox/faults') {
      control.clearFaults();
      return answer(200, { ok: true });
    }
    if (asked === 'POST /__sandbox/accepts') {
      const { values, token } = body as { values?: Record<string, unknown>; token?: string };
      const accepted = token === undefined ? await control.accepts(values ?? {}) : control.acceptsToken(token);
      return answer(200, { accepted });
    }
    if (asked !== 'POST /__sandbox/faults') return answer(404, { error: 'no such control' });
    const order = body as Fault | Order;
    // The answer has to be out before its own connection goes down.
    if (order.kind === 'down') response.once('finish', () => void control.down(order.for));
    else await obey(control, order);
    return answer(200, { ok: true });
  } catch (error) {
    return answer(400, { error: error instanceof Error ? error.message : String(error) });
  }
}

const misdeeds: readonly string[] = [
  'refuse',
  'hang',
  'cut',
  'fail',
  'limit',
  'page',
  'lie',
  'date',
  'slow',
  'half',
  'huge',
  'type',
];

async function obey(control: SandboxControl, order: Fault | Exclude<Order, { kind: 'down' }>): Promise<void> {
  switch (order.kind) {
    case 'skew':
      return control.skew(order.by);
    case 'target':
      return control.target(order.condition, order.secret);
    case 'forget':
      return control.forget(order.lease);
    case 'drop-account':
      return control.dropAccount(order.lease);
    case 'lose-jobs':
      return control.loseJobs();
    case 'remove-secret':
      return control.removeSecret(order.secret, order.phase);
    case 'revoke-client-secrets':
      return void control.revokeClientSecrets(order.identity);
    case 'add-client-secret':
      return control.addClientSecret(order.secret, order.identity);
    case 'delete-identity':
      return control.deleteIdentity(order.identity);
    case 'leave-project':
      return control.leaveProject(order.project, order.identity);
    case 'licence':
      return control.licence(order.valid);
    default:
      refuseUnknown(order);
      return void control.fault(order);
  }
}

/** A misspelt fault that does nothing would make a test prove nothing. */
function refuseUnknown(fault: Fault): void {
  if (!misdeeds.includes(fault.kind)) throw new Error(`the sandbox knows no fault "${fault.kind}"`);
  const strange = [fault.on ?? []].flat().find((route) => !routeNames.includes(route));
  if (strange !== undefined) throw new Error(`the sandbox has no route "${strange}"`);
}
