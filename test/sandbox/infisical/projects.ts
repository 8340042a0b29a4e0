/** Finds what a request is about, and says whether its identity may do it (contract 6). */
import { notAllowed, notFound, notMember } from './answers.ts';
import type { Permission } from './spec.ts';
import type { DynamicSecret, Identity, Project, World } from './world.ts';

const named: Readonly<Record<Permission, readonly [action: string, subject: string]>> = {
  lease: ['lease', 'dynamic-secrets'],
  'read-root-credential': ['read-root-credential', 'dynamic-secrets'],
  'edit-root-credential': ['edit-root-credential', 'dynamic-secrets'],
  'describe-secret': ['describeSecret', 'secrets'],
  'read-secret': ['readValue', 'secrets'],
  'edit-secret': ['edit', 'secrets'],
};

export function projectBySlug(world: World, identity: Identity, slug: string): Project {
  const project = world.projects.get(slug);
  if (project === undefined) throw notFound(`Project with slug '${slug}' not found`);
  requireMember(identity, project);
  return project;
}

export function requireMember(identity: Identity, project: Project): void {
  if (!identity.access.has(project.slug)) throw notMember(project.id);
}

export const may = (identity: Identity, project: Project, permission: Permission): boolean =>
  identity.access.get(project.slug)?.has(permission) ?? false;

/** `action`: where the server says it in another word. */
export function requireRight(identity: Identity, project: Project, permission: Permission, action?: string): void {
  const [usual, subject] = named[permission];
  if (!may(identity, project, permission)) throw notAllowed(action ?? usual, subject);
}

export interface Folder {
  readonly project: Project;
  readonly environment: string;
  readonly path: string;
}

/** The server says an unknown folder in two ways: `slug` for leases, `plain` for lists of dynamic secrets. */
export function folderOf(folder: Folder, words: 'slug' | 'plain'): Folder {
  const path = folder.path.length > 1 ? folder.path.replace(/\/$/, '') : folder.path;
  if (folder.project.environments.includes(folder.environment) && folder.project.folders.has(path))
    return { ...folder, path };
  const environment =
    words === 'slug' ? `environment with slug '${folder.environment}'` : `environment '${folder.environment}'`;
  throw notFound(`Folder with path '${path}' in ${environment} not found`);
}

export const isIn = (secret: DynamicSecret, { project, environment, path }: Folder): boolean =>
  secret.project === project && secret.environment === environment && secret.path === path;

export function dynamicSecretIn(world: World, folder: Folder, name: string): DynamicSecret {
  const found = [...world.dynamicSecrets.values()].find((secret) => isIn(secret, folder) && secret.name === name);
  if (found === undefined)
    throw notFound(`Dynamic secret with name '${name}' in folder with path '${folder.path}' not found`);
  return found;
}
