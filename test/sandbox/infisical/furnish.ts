/** Builds a sandbox's world from its description. */
import { randomBytes, randomUUID } from 'node:crypto';
import { hours, minutes, seconds } from '../../../src/core/time.ts';
import { ServerClock } from '../clock.ts';
import { openBooks } from './books.ts';
import { type Gate, openGate } from './outage.ts';
import type {
  Access,
  DynamicSecretSpec,
  IdentitySpec,
  Permission,
  Place,
  ProjectSpec,
  RateLimits,
  SandboxSpec,
} from './spec.ts';
import { type Account, memoryTarget, redisTarget, type Target } from './targets.ts';
import type { Identity, Project, World } from './world.ts';

const onPremise: RateLimits = { read: 60, write: 200, secrets: 40 };
const month = 2_592_000;

export function makeWorld(spec: SandboxSpec): World {
  const clock = new ServerClock(spec.skew ?? 0);
  const accounts = new Map<string, Account>();
  const memory = memoryTarget(accounts);
  const redis = spec.targets?.redis === undefined ? undefined : redisTarget(spec.targets.redis);
  const limits = spec.rateLimits === true ? onPremise : spec.rateLimits;
  const projects = (spec.projects ?? [{ slug: 'shop' }]).map(
    (project): Project => ({
      id: project.id ?? randomUUID(),
      slug: project.slug,
      environments: project.environments ?? ['prod', 'dev'],
      folders: new Set(['/', ...(project.folders ?? [])]),
      secrets: [],
      imports: (project.imports ?? []).map(({ into, from }) => ({
        into: folderIn(project, into),
        from: folderIn(project, from),
        folderId: randomUUID(),
      })),
      approvals: { policies: [], pending: [] },
    }),
  );
  const world: World = {
    flavour: spec.flavour ?? '2025',
    clock,
    books: openBooks(),
    jwtKey: randomBytes(32),
    projects: new Map(projects.map((project) => [project.slug, project])),
    identities: new Map(),
    tokens: new Map(),
    dynamicSecrets: new Map(),
    leases: new Map(),
    targets: new Set(redis === undefined ? [memory] : [memory, redis]),
    minimumTtl: spec.minimumTtl ?? minutes(1),
    connectionTimeout: spec.connectionTimeout ?? seconds(30),
    revocationRetry: hours(4),
    lockout: {
      threshold: spec.lockout?.threshold ?? 3,
      window: spec.lockout?.window ?? seconds(30),
      duration: spec.lockout?.duration ?? seconds(300),
    },
    rateLimits: limits === false ? undefined : limits,
    licensed: spec.licensed ?? true,
    accounts,
    changed: () => undefined,
  };
  for (const identity of spec.identities ?? []) addIdentity(world, identity);
  for (const secret of spec.secrets ?? []) {
    const { project, environment, path } = placeOf(world, secret);
    project.secrets.push({
      id: randomUUID(),
      environment,
      path,
      key: secret.key,
      comment: '',
      value: secret.value,
      values: [secret.value],
      version: 1,
      createdAt: clock.now(),
      updatedAt: clock.now(),
      ...(secret.rotation !== undefined && { rotation: secret.rotation }),
    });
  }
  const folderIds = new Map<string, string>();
  for (const secret of spec.dynamicSecrets ?? []) {
    const target = secret.type === 'redis' ? (redis ?? memory) : memory;
    const gate = openGate(clock, spec.targetTimeout ?? minutes(1), spec.targetLatency);
    addDynamicSecret(world, secret, { target, gate, folderIds });
  }
  return world;
}

const roles: Readonly<Record<'admin' | 'viewer', readonly Permission[]>> = {
  admin: ['lease', 'read-root-credential', 'edit-root-credential', 'describe-secret', 'read-secret', 'edit-secret'],
  viewer: ['read-root-credential', 'describe-secret', 'read-secret'],
};

const permissions = (access: Access): ReadonlySet<Permission> =>
  new Set(typeof access === 'string' ? roles[access] : access);

export function addIdentity(world: World, spec: IdentitySpec): Identity {
  const access = spec.access ?? Object.fromEntries([...world.projects.keys()].map((slug) => [slug, 'admin' as const]));
  const secrets = spec.clientSecrets ?? [{ secret: spec.clientSecret ?? randomBytes(32).toString('hex') }];
  const identity: Identity = {
    id: spec.id ?? randomUUID(),
    name: spec.name ?? 'keeper',
    clientId: spec.clientId ?? randomUUID(),
    clientSecrets: secrets.map((secret) => ({
      id: secret.id ?? randomUUID(),
      secret: secret.secret,
      createdAt: world.clock.now(),
      ttl: secret.ttl ?? 0,
      usesLimit: secret.numUsesLimit ?? 0,
      uses: 0,
      revoked: false,
    })),
    logins: spec.logins ?? {},
    ttl: spec.accessTokenTTL ?? month,
    maxTtl: spec.accessTokenMaxTTL ?? month,
    period: spec.accessTokenPeriod ?? 0,
    usesLimit: spec.accessTokenNumUsesLimit ?? 0,
    loginFrom: spec.clientSecretTrustedIps,
    tokenFrom: spec.accessTokenTrustedIps,
    access: new Map(Object.entries(access).map(([slug, granted]) => [slug, permissions(granted)])),
    readable: spec.readable,
    failures: [],
    lockedUntil: 0,
  };
  world.identities.set(identity.id, identity);
  return identity;
}

interface Means {
  readonly target: Target;
  readonly gate: Gate;
  readonly folderIds: Map<string, string>;
}

function addDynamicSecret(world: World, spec: DynamicSecretSpec, means: Means): void {
  const { project, environment, path } = placeOf(world, spec);
  const folder = `${project.slug} ${environment} ${path}`;
  const folderId = means.folderIds.get(folder) ?? randomUUID();
  means.folderIds.set(folder, folderId);
  const type = spec.type === undefined || spec.type === 'memory' ? 'sql-database' : spec.type;
  const id = spec.id ?? randomUUID();
  world.dynamicSecrets.set(id, {
    id,
    folderId,
    project,
    environment,
    path,
    name: spec.name.toLowerCase(),
    type,
    defaultTTL: spec.defaultTTL ?? '1h',
    maxTTL: spec.maxTTL === undefined ? '24h' : spec.maxTTL,
    credentialLife: spec.credentialLife,
    createdAt: world.clock.now(),
    target: means.target,
    gate: means.gate,
    status: null,
  });
}

const folderIn = ({ environments = ['prod'] }: ProjectSpec, { environment, path = '/' }: Omit<Place, 'project'>) => ({
  environment: environment ?? environments[0] ?? 'prod',
  path,
});

export function placeOf(world: World, place: Place): { project: Project; environment: string; path: string } {
  const slug = place.project ?? [...world.projects.keys()][0] ?? '';
  const project = world.projects.get(slug);
  if (project === undefined) throw new Error(`the sandbox has no project "${slug}"`);
  const environment = place.environment ?? project.environments[0] ?? '';
  if (!project.environments.includes(environment))
    throw new Error(`project "${slug}" has no environment "${environment}"`);
  const path = place.path ?? '/';
  project.folders.add(path);
  return { project, environment, path };
}
