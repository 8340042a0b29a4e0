/** Which role allows what (contract 7). */
import type { Role } from './spec.ts';
import { permissionDenied } from './status.ts';
import type { Account, Secret } from './world.ts';

export type Need = 'see' | 'read-payload' | 'change' | 'use-key' | 'impersonate';

const allowing: Readonly<Record<Need, readonly Role[]>> = {
  see: ['lockbox.viewer', 'lockbox.auditor', 'lockbox.editor', 'lockbox.admin'],
  'read-payload': ['lockbox.payloadViewer', 'lockbox.admin'],
  change: ['lockbox.editor', 'lockbox.admin'],
  'use-key': ['kms.keys.encrypterDecrypter'],
  impersonate: ['iam.serviceAccounts.tokenCreator'],
};

/** Without a secret: on all of them. */
export function may(account: Account, need: Need, secret?: Secret): boolean {
  const onIt = secret === undefined ? [] : (account.rolesOn.get(secret.name) ?? []);
  return [...account.roles, ...onIt].some((role) => allowing[need].includes(role));
}

export function requireRight(account: Account, need: Need, secret?: Secret): void {
  if (!may(account, need, secret)) throw permissionDenied();
}

/** Whether the account can do what the secret's own key is needed for. */
export const mayUseKey = (account: Account, secret: Secret): boolean =>
  secret.kmsKeyId === '' || may(account, 'use-key', secret);
