/** The routes of static secrets (contract 7.1 and 7.2). */
import { invalid } from './answers.ts';
import { type Asked, type Route, whoever } from './route.ts';
import {
  type Change,
  createSecret,
  deleteSecret,
  getSecret,
  listSecrets,
  type SecretPlace,
  type SecretsQuery,
  updateMany,
  updateSecret,
} from './static-secrets.ts';
import { check, optionalText, path, said } from './validation.ts';

const place = { workspaceId: optionalText, workspaceSlug: optionalText, environment: optionalText, secretPath: path };

const placeOf = (given: Readonly<Record<string, unknown>>, words: unknown): SecretPlace => ({
  workspaceId: given['workspaceId'] as string | undefined,
  workspaceSlug: given['workspaceSlug'] as string | undefined,
  environment: given['environment'] as string | undefined,
  secretPath: said(check(words, place), 'secretPath'),
});

function flag(query: Asked['query'], name: string, fallback: boolean): boolean {
  const text = query[name];
  if (text === undefined) return fallback;
  if (text === 'true' || text === 'false') return text === 'true';
  const message = `Invalid enum value. Expected 'true' | 'false', received '${text}'`;
  throw invalid([{ code: 'invalid_enum_value', received: text, options: ['true', 'false'], path: [name], message }]);
}

const queryOf = ({ query }: Asked): SecretsQuery => ({
  ...placeOf(query, query),
  viewSecretValue: flag(query, 'viewSecretValue', true),
  include_imports: flag(query, 'include_imports', false),
  expandSecretReferences: flag(query, 'expandSecretReferences', false),
  recursive: flag(query, 'recursive', false),
});

/** The place and the change that a body asks for. */
function bodyOf(asked: Asked): { readonly at: SecretPlace; readonly change: Change } {
  const name = asked.parts[0] ?? '';
  if (name.includes(' ')) {
    throw invalid([{ code: 'custom', message: 'Secret name cannot contain spaces.', path: ['secretName'] }]);
  }
  const body = (asked.body ?? {}) as Readonly<Record<string, unknown>>;
  const input = check(asked.body, { ...place, secretValue: { type: 'string' }, secretComment: optionalText });
  return {
    at: placeOf(body, asked.body),
    change: {
      secretKey: name,
      // As it was written: that outer whitespace is lost is for later to say.
      secretValue: body['secretValue'] as string | undefined,
      secretComment: input['secretComment'] as string | undefined,
    },
  };
}

const one = /^\/api\/v3\/secrets\/raw\/([^/]+)$/;

export const secretRoutes: readonly Route[] = [
  {
    name: 'static-secret-list',
    method: 'GET',
    pattern: /^\/api\/v3\/secrets\/raw$/,
    auth: true,
    limit: 'secrets',
    handle: (asked) => listSecrets(asked.world, whoever(asked), queryOf(asked)),
  },
  {
    name: 'static-secret-get',
    method: 'GET',
    pattern: one,
    auth: true,
    limit: 'secrets',
    handle(asked) {
      const { version } = asked.query;
      const query = { ...queryOf(asked), version: version === undefined ? undefined : Number(version) };
      return getSecret(asked.world, whoever(asked), asked.parts[0] ?? '', query);
    },
  },
  {
    name: 'static-secret-create',
    method: 'POST',
    pattern: one,
    auth: true,
    limit: 'secrets',
    handle(asked) {
      const { at, change } = bodyOf(asked);
      return createSecret(asked.world, whoever(asked), at, change);
    },
  },
  {
    name: 'static-secret-batch',
    method: 'PATCH',
    pattern: /^\/api\/v3\/secrets\/batch\/raw$/,
    auth: true,
    limit: 'secrets',
    handle(asked) {
      const body = asked.body as Readonly<Record<string, unknown>>;
      const at = { ...placeOf(body, body), mode: body['mode'] as string | undefined };
      return updateMany(asked.world, whoever(asked), at, body['secrets'] as readonly Change[]);
    },
  },
  {
    name: 'static-secret-update',
    method: 'PATCH',
    pattern: one,
    auth: true,
    limit: 'secrets',
    handle(asked) {
      const { at, change } = bodyOf(asked);
      return updateSecret(asked.world, whoever(asked), at, change);
    },
  },
  {
    name: 'static-secret-delete',
    method: 'DELETE',
    pattern: one,
    auth: true,
    limit: 'secrets',
    handle(asked) {
      const { at, change } = bodyOf(asked);
      return deleteSecret(asked.world, whoever(asked), at, change.secretKey);
    },
  },
];

/** The newer interface is the older one under other names: what was asked by it, as the older one has it (contract 7.2). */
export function asOlder(path: string): string {
  return path.replace(/^\/api\/v4\/secrets(?=\/|$)/, '/api/v3/secrets/raw').replace('/raw/batch', '/batch/raw');
}

/** It knows projects by their ids alone. */
export const namedOlder = <T>(input: T): T => {
  if (typeof input !== 'object' || input === null) return input;
  const { projectId, workspaceId: _, workspaceSlug: __, ...rest } = input as Readonly<Record<string, unknown>>;
  return { ...rest, ...(projectId !== undefined && { workspaceId: projectId }) } as T;
};
