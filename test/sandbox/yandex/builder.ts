/** Describes a sandbox in the words of a test: `aLockbox().withSecret({ name: 'db', entries: { password: 'a' } }).start()`. */
import { type LockboxSandbox, startLockbox } from './sandbox.ts';
import type { AccountSpec, LockboxSpec, SecretSpec, Unknowns } from './spec.ts';

/** Each call answers with a new builder; one that is half described can be shared. */
export interface LockboxBuilder {
  withSecret(secret: SecretSpec): LockboxBuilder;
  /** The first replaces the default, `keeper`, who may do everything with every secret. */
  withAccount(account: AccountSpec): LockboxBuilder;
  /** Decide what nobody knows of the real servers. */
  assuming(unknowns: Unknowns): LockboxBuilder;
  /** Anything else of the description. */
  with(more: Omit<LockboxSpec, 'accounts' | 'secrets' | 'unknowns'>): LockboxBuilder;
  readonly spec: LockboxSpec;
  start(): Promise<LockboxSandbox>;
}

export function aLockbox(spec: LockboxSpec = {}): LockboxBuilder {
  const plus = (more: LockboxSpec) => aLockbox({ ...spec, ...more });
  return {
    spec,
    withSecret: (secret) => plus({ secrets: [...(spec.secrets ?? []), secret] }),
    withAccount: (account) => plus({ accounts: [...(spec.accounts ?? []), account] }),
    assuming: (unknowns) => plus({ unknowns: { ...spec.unknowns, ...unknowns } }),
    with: (more) => plus(more),
    start: () => startLockbox(spec),
  };
}
