/** The static secrets of the sandbox: lists, references, imports, changes, approvals (contract 7). */
import { randomUUID } from 'node:crypto';
import { ApiError, badRequest, notAllowed, notFound } from './answers.ts';
import { may, requireMember, requireRight } from './projects.ts';
import { type Shown, showChanged, showDeleted, showImported, showListed, showOne } from './secret-rows.ts';
import type { Identity, Project, StaticSecret, World } from './world.ts';

export interface SecretPlace {
  readonly workspaceId?: string | undefined;
  readonly workspaceSlug?: string | undefined;
  readonly environment?: string | undefined;
  readonly secretPath: string;
}

export interface SecretsQuery extends SecretPlace {
  readonly viewSecretValue: boolean;
  readonly include_imports: boolean;
  readonly expandSecretReferences: boolean;
  readonly recursive: boolean;
}

/** Where something lies. */
interface Spot {
  readonly project: Project;
  readonly environment: string;
  readonly path: string;
}

export function spotOf(world: World, identity: Identity, place: SecretPlace): Spot {
  const { workspaceId, workspaceSlug, environment, secretPath } = place;
  if ((workspaceId ?? workspaceSlug) === undefined || environment === undefined) {
    const what = world.flavour === '2025' ? 'workspace' : 'project';
    throw badRequest(`Missing ${what} id or environment`);
  }
  const project = [...world.projects.values()].find((one) => one.id === workspaceId || one.slug === workspaceSlug);
  if (project === undefined) {
    const hint = 'Are you sure you are using the correct project ID?';
    throw notFound(`Project with ID '${workspaceId ?? workspaceSlug}' not found during bot lookup. ${hint}`);
  }
  requireMember(identity, project);
  const path = secretPath.length > 1 ? secretPath.replace(/\/$/, '') : secretPath;
  return { project, environment, path };
}

const isAt = (spot: Omit<Spot, 'project'>) => (one: StaticSecret) =>
  one.environment === spot.environment && one.path === spot.path;

const isBelow = (spot: Spot) => (one: StaticSecret) =>
  one.environment === spot.environment && one.path.startsWith(spot.path === '/' ? '/' : `${spot.path}/`);

const canRead = (identity: Identity, project: Project, { key }: StaticSecret): boolean =>
  may(identity, project, 'read-secret') && (identity.readable?.includes(key) ?? true);

/** An unknown environment or folder is an empty list, not an error. */
export function listSecrets(world: World, identity: Identity, query: SecretsQuery): unknown {
  const spot = spotOf(world, identity, query);
  const { project } = spot;
  const own = project.secrets.filter(isAt(spot));
  // All or nothing: one value that may not be read spoils the list.
  if (query.viewSecretValue && own.some((one) => !canRead(identity, project, one))) {
    const rules = (identity.readable ?? []).map((key) => ({
      action: ['readValue'],
      inverted: false,
      subject: ['secrets'],
      conditions: { secretName: { $eq: key }, environment: { $eq: spot.environment } },
    }));
    throw notAllowed('readValue', 'secrets', rules);
  }
  const below = project.secrets.filter((one) => isBelow(spot)(one) && !isAt(spot)(one));
  // What lies deeper and may not be read is left out without a word.
  const deeper = query.recursive ? below.filter((one) => canRead(identity, project, one)) : [];
  const show = (secret: StaticSecret): Shown => ({
    project,
    secret,
    value: query.viewSecretValue ? shownValue(project, secret, query.expandSecretReferences) : undefined,
  });
  const imports = query.include_imports ? project.imports.filter(({ into }) => isAtSame(into, spot)) : [];
  return {
    secrets: [...own, ...deeper].map((one) => showListed(show(one))),
    imports: imports.map(({ from, folderId }) => ({
      secretPath: from.path,
      environment: from.environment,
      folderId,
      secrets: project.secrets.filter(isAt(from)).map((one) => showImported(show(one))),
    })),
  };
}

const isAtSame = (a: Omit<Spot, 'project'>, b: Omit<Spot, 'project'>): boolean =>
  a.environment === b.environment && a.path === b.path;

/** `${KEY}` is of the same folder, `${environment.folder.KEY}` of another. */
function shownValue(project: Project, secret: StaticSecret, isExpanded: boolean, depth = 0): string {
  if (!isExpanded || depth > 10) return secret.value;
  return secret.value.replace(/\$\{([^}]*)\}/g, (_, reference: string) => {
    const steps = reference.split('.');
    const key = steps.pop();
    const [environment, ...folders] = steps;
    const at = environment === undefined ? secret : { environment, path: `/${folders.join('/')}` };
    const found = project.secrets.find((one) => isAtSame(one, at) && one.key === key);
    return found ? shownValue(project, found, true, depth + 1) : '';
  });
}

export function getSecret(
  world: World,
  identity: Identity,
  name: string,
  query: SecretsQuery & { readonly version?: number | undefined },
): unknown {
  const spot = spotOf(world, identity, query);
  const { project } = spot;
  const imported = query.include_imports ? project.imports.filter(({ into }) => isAtSame(into, spot)) : [];
  const places = [spot, ...imported.map(({ from }) => from).reverse()];
  const found = places
    .map((at) => project.secrets.find((one) => isAt(at)(one) && one.key === name))
    .find((one) => one !== undefined);
  const former = query.version === undefined ? found?.value : found?.values[query.version - 1];
  if (found === undefined || former === undefined) throw notFound(`Secret with name '${name}' not found`);
  if (query.viewSecretValue && !canRead(identity, project, found)) {
    throw new ApiError(403, 'ForbiddenReadSecretError', 'You are not allowed to readValue on secrets');
  }
  const secret = { ...found, value: former, version: query.version ?? found.version };
  const value = query.viewSecretValue ? shownValue(project, secret, query.expandSecretReferences) : undefined;
  return { secret: showOne({ project, secret, value }, !isAt(spot)(found)) };
}

export interface Change {
  readonly secretKey: string;
  readonly secretValue?: string | undefined;
  readonly secretComment?: string | undefined;
}

/** Outer whitespace is lost, but for one newline at the end. */
const trimmed = (value: string): string => value.trim() + (value.endsWith('\n') ? '\n' : '');

/** What is to be done to a folder: at once, or when others have approved of it. */
export function throughApproval(world: World, spot: Spot, apply: () => unknown): unknown {
  if (!spot.project.approvals.policies.some((one) => isAtSame(one, spot))) return apply();
  const id = randomUUID();
  spot.project.approvals.pending.push({ id, apply: () => void apply() });
  const at = new Date(world.clock.now()).toISOString();
  return { approval: { id, status: 'open', hasMerged: false, slug: id.slice(0, 8), createdAt: at, updatedAt: at } };
}

export function createSecret(world: World, identity: Identity, place: SecretPlace, change: Change): unknown {
  const spot = editable(world, identity, place, 'create');
  const { project, environment, path } = spot;
  if (found(spot, change.secretKey)) throw badRequest('Secret already exist');
  return throughApproval(world, spot, () => {
    const now = world.clock.now();
    const value = trimmed(change.secretValue ?? '');
    const secret: StaticSecret = {
      id: randomUUID(),
      environment,
      path,
      key: change.secretKey,
      comment: change.secretComment ?? '',
      value,
      values: [value],
      version: 1,
      createdAt: now,
      updatedAt: now,
    };
    project.secrets.push(secret);
    return { secret: showChanged({ project, secret, value }) };
  });
}

export function updateSecret(world: World, identity: Identity, place: SecretPlace, change: Change): unknown {
  const spot = editable(world, identity, place, 'edit');
  const secret = found(spot, change.secretKey);
  if (secret === undefined) throw notFound(`Secret with name ${change.secretKey} not found`);
  if (secret.rotation !== undefined) throw badRequest('Cannot update rotated secret name or value');
  return throughApproval(world, spot, () => ({ secret: updated(world, spot.project, secret, change) }));
}

export function updated(world: World, project: Project, secret: StaticSecret, change: Change): unknown {
  put(world, secret, change.secretValue === undefined ? secret.value : trimmed(change.secretValue));
  return showChanged({ project, secret, value: secret.value });
}

/** Its version grows, also where the value is the same. */
export function put(world: World, secret: StaticSecret, value: string): void {
  secret.value = value;
  secret.values.push(value);
  secret.version += 1;
  secret.updatedAt = world.clock.now();
}

export function deleteSecret(world: World, identity: Identity, place: SecretPlace, key: string): unknown {
  const spot = editable(world, identity, place, 'delete');
  const secret = found(spot, key);
  if (secret === undefined) throw notFound('Secret not found');
  return throughApproval(world, spot, () => {
    spot.project.secrets.splice(spot.project.secrets.indexOf(secret), 1);
    return { secret: showDeleted({ project: spot.project, secret, value: secret.value }) };
  });
}

export function updateMany(
  world: World,
  identity: Identity,
  place: SecretPlace & { readonly mode: string | undefined },
  changes: readonly Change[],
): unknown {
  const spot = editable(world, identity, place, 'edit');
  const one = (change: Change): unknown => {
    const secret = found(spot, change.secretKey);
    if (secret) return updated(world, spot.project, secret, change);
    if (place.mode !== 'upsert') throw notFound(`Secret with name ${change.secretKey} not found`);
    return (createSecret(world, identity, place, change) as { secret: unknown }).secret;
  };
  return throughApproval(world, spot, () => ({ secrets: changes.map(one) }));
}

function editable(world: World, identity: Identity, place: SecretPlace, action: string): Spot {
  const spot = spotOf(world, identity, place);
  requireRight(identity, spot.project, 'edit-secret', action);
  return spot;
}

const found = (spot: Spot, key: string): StaticSecret | undefined =>
  spot.project.secrets.find((one) => isAt(spot)(one) && one.key === key);
