/** The list of static secrets, as far as the recordings use it as "a request with this token" (contract 7.1). */
import { badRequest, notAllowed, notFound } from './answers.ts';
import { may, requireMember } from './projects.ts';
import { asDate } from './shapes.ts';
import type { Identity, Project, StaticSecret, World } from './world.ts';

export interface SecretsQuery {
  readonly workspaceId?: string | undefined;
  readonly workspaceSlug?: string | undefined;
  readonly environment?: string | undefined;
  readonly secretPath: string;
  readonly viewSecretValue: boolean;
}

/** An unknown environment or folder is an empty list, not an error. */
export function listSecrets(world: World, identity: Identity, query: SecretsQuery): unknown {
  const { workspaceId, workspaceSlug, environment, secretPath, viewSecretValue } = query;
  if ((workspaceId ?? workspaceSlug) === undefined || environment === undefined) {
    throw badRequest('Missing workspace id or environment');
  }
  const project = [...world.projects.values()].find((one) => one.id === workspaceId || one.slug === workspaceSlug);
  if (project === undefined) {
    const hint = 'Are you sure you are using the correct project ID?';
    throw notFound(`Project with ID '${workspaceId ?? workspaceSlug}' not found during bot lookup. ${hint}`);
  }
  requireMember(identity, project);
  const found = project.secrets.filter((one) => one.environment === environment && one.path === secretPath);
  // All or nothing: one value that may not be read spoils the list.
  if (viewSecretValue && found.length > 0 && !may(identity, project, 'read-secret')) {
    throw notAllowed('readValue', 'secrets');
  }
  return { secrets: found.map((one) => show(project, one, viewSecretValue)), imports: [] };
}

const show = (project: Project, secret: StaticSecret, withValue: boolean) => ({
  id: secret.id,
  _id: secret.id,
  workspace: project.id,
  environment: secret.environment,
  version: 1,
  type: 'shared',
  secretKey: secret.key,
  secretValue: withValue ? secret.value : '<hidden-by-infisical>',
  secretComment: '',
  secretReminderNote: null,
  secretReminderRepeatDays: null,
  skipMultilineEncoding: false,
  createdAt: asDate(secret.createdAt),
  updatedAt: asDate(secret.createdAt),
  isRotatedSecret: false,
  rotationId: null,
  secretPath: secret.path,
  secretValueHidden: !withValue,
  secretMetadata: [],
  tags: [],
});
