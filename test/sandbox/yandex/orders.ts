/** What the sandbox can be told besides its faults: over HTTP, or by a fault to somebody who gets in between. */
import type { Duration } from '../../../src/core/time.ts';
import type { LockboxControl } from './sandbox.ts';
import type { Entries, EntryValue, Host, PasswordSpec, Role } from './spec.ts';

/** One call of the controls each. */
export type Order =
  | { readonly kind: 'down'; readonly for?: Duration; readonly host?: Host }
  | { readonly kind: 'up'; readonly host?: Host }
  | { readonly kind: 'skew'; readonly by: Duration }
  | {
      readonly kind: 'add-version';
      readonly entries?: Readonly<Record<string, EntryValue | null>>;
      readonly base?: string;
      readonly secret?: string;
    }
  | { readonly kind: 'set-current'; readonly version: string }
  | { readonly kind: 'schedule'; readonly in: Duration; readonly version?: string }
  | { readonly kind: 'cancel'; readonly version?: string }
  | { readonly kind: 'destroy'; readonly version?: string }
  | { readonly kind: 'forget-version'; readonly version?: string }
  | { readonly kind: 'activate'; readonly secret?: string }
  | { readonly kind: 'deactivate'; readonly secret?: string }
  | { readonly kind: 'delete-secret'; readonly secret?: string }
  | { readonly kind: 'specify'; readonly generated: PasswordSpec | null; readonly secret?: string }
  | { readonly kind: 'roles'; readonly roles: readonly Role[]; readonly account?: string; readonly secret?: string }
  | { readonly kind: 'revoke-tokens'; readonly account?: string }
  | { readonly kind: 'revoke-keys'; readonly account?: string }
  | { readonly kind: 'add-key'; readonly account?: string }
  | { readonly kind: 'delete-account'; readonly account?: string }
  | { readonly kind: 'subject-token'; readonly account?: string; readonly life?: Duration }
  | { readonly kind: 'attach'; readonly account: string | null };

type Table = {
  readonly [K in Order['kind']]: (control: LockboxControl, order: Extract<Order, { kind: K }>) => unknown;
};

const table: Table = {
  down: (control, order) => control.down(order.for, order.host),
  up: (control, { host }) => control.up(host),
  skew: (control, { by }) => control.skew(by),
  'add-version': (control, { entries, ...where }) => control.addVersion(entries as Entries | undefined, where),
  'set-current': (control, { version }) => control.setCurrent(version),
  schedule: (control, order) => control.scheduleDestruction(order.in, order.version),
  cancel: (control, { version }) => control.cancelDestruction(version),
  destroy: (control, { version }) => control.destroyVersion(version),
  'forget-version': (control, { version }) => control.forgetVersion(version),
  activate: (control, { secret }) => control.activate(secret),
  deactivate: (control, { secret }) => control.deactivate(secret),
  'delete-secret': (control, { secret }) => control.deleteSecret(secret),
  specify: (control, { generated, secret }) => control.specify(generated ?? undefined, secret),
  roles: (control, { roles, account, secret }) => control.setRoles(roles, { account, secret }),
  'revoke-tokens': (control, { account }) => control.revokeTokens(account),
  'revoke-keys': (control, { account }) => control.revokeKeys(account),
  'add-key': (control, { account }) => control.addKey(account),
  'delete-account': (control, { account }) => control.deleteAccount(account),
  'subject-token': (control, { account, life }) => control.subjectToken(account, life),
  attach: (control, { account }) => control.attach(account ?? undefined),
};

export const isOrder = (one: { readonly kind: string }): one is Order => one.kind in table;

/** Answers with what was made, if anything was. */
export function obey(control: LockboxControl, order: Order): unknown {
  const act = table[order.kind] as (control: LockboxControl, order: Order) => unknown;
  return act(control, order);
}
