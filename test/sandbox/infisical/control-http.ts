/** What the sandbox can be told over HTTP besides its faults. */
import type { Controls } from '../control-http.ts';
import { refuseUnknown } from '../faults.ts';
import { type Fault, routeNames } from './faults.ts';
import type { Condition } from './outage.ts';
import type { SandboxControl } from './sandbox.ts';
import type { Place } from './spec.ts';

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
  | { readonly kind: 'licence'; readonly valid: boolean }
  | {
      readonly kind: 'change-secrets';
      readonly values: Readonly<Record<string, string | null>>;
      readonly place?: Place;
    }
  | { readonly kind: 'reorder-secrets' }
  | { readonly kind: 'require-approval'; readonly required: boolean; readonly place?: Place }
  | { readonly kind: 'decide-approvals'; readonly granted: boolean };

/** `accepts` takes `{ values }` or `{ token }`. */
export const controlsOf = (control: SandboxControl): Controls => ({
  books: () => control.books(),
  clearFaults: () => control.clearFaults(),
  accepts(asked) {
    const { values, token } = asked as { values?: Record<string, unknown>; token?: string };
    return token === undefined ? control.accepts(values ?? {}) : control.acceptsToken(token);
  },
  obey: (order) => obey(control, order as Fault | Exclude<Order, { kind: 'down' }>),
  afterwards(given) {
    const order = given as Order;
    return order.kind === 'down' ? () => void control.down(order.for) : undefined;
  },
});

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
    case 'change-secrets':
      return control.changeSecrets(order.values, order.place);
    case 'reorder-secrets':
      return control.reorderSecrets();
    case 'require-approval':
      return control.requireApproval(order.required, order.place);
    case 'decide-approvals':
      return void control.decideApprovals(order.granted);
    default:
      refuseUnknown(order, routeNames);
      return void control.fault(order);
  }
}
