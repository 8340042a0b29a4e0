/** Describes a sandbox in the words of a test: `aSandbox().withDynamicSecret({ name: 'orders-db' }).start()`. */
import { type Sandbox, startSandbox } from './sandbox.ts';
import type {
  DynamicSecretSpec,
  Flavour,
  IdentitySpec,
  ProjectSpec,
  RedisTarget,
  SandboxSpec,
  StaticSecretSpec,
} from './spec.ts';

/** Each call answers with a new builder; one that is half described can be shared. */
export interface SandboxBuilder {
  /** Default: `2025`. */
  flavour(flavour: Flavour): SandboxBuilder;
  /** The first replaces the default, `shop` with the environments `prod` and `dev`. */
  withProject(project: ProjectSpec): SandboxBuilder;
  /** The first replaces the default, an admin whose token lives 30 days. */
  withIdentity(identity: IdentitySpec): SandboxBuilder;
  withDynamicSecret(secret: DynamicSecretSpec): SandboxBuilder;
  withSecret(secret: StaticSecretSpec): SandboxBuilder;
  /** Dynamic secrets of `type: 'redis'` make users here. */
  withRedis(target: RedisTarget): SandboxBuilder;
  /** Anything else of the description. */
  with(more: Omit<SandboxSpec, 'projects' | 'identities' | 'dynamicSecrets' | 'secrets'>): SandboxBuilder;
  readonly spec: SandboxSpec;
  start(): Promise<Sandbox>;
}

export function aSandbox(spec: SandboxSpec = {}): SandboxBuilder {
  const plus = (more: SandboxSpec) => aSandbox({ ...spec, ...more });
  return {
    spec,
    flavour: (flavour) => plus({ flavour }),
    withProject: (project) => plus({ projects: [...(spec.projects ?? []), project] }),
    withIdentity: (identity) => plus({ identities: [...(spec.identities ?? []), identity] }),
    withDynamicSecret: (secret) => plus({ dynamicSecrets: [...(spec.dynamicSecrets ?? []), secret] }),
    withSecret: (secret) => plus({ secrets: [...(spec.secrets ?? []), secret] }),
    withRedis: (redis) => plus({ targets: { ...spec.targets, redis } }),
    with: (more) => plus(more),
    start: () => startSandbox(spec),
  };
}
