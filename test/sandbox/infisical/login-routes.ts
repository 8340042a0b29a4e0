/** The logins besides Universal Auth (contract 5). */
import { type ApiError, notFound, unauthorized } from './answers.ts';
import type { RouteName } from './faults.ts';
import { proofs } from './login-proofs.ts';
import type { Asked, Route } from './route.ts';
import type { LoginsSpec } from './spec.ts';
import { writtenLater } from './token-routes.ts';
import { issueToken } from './tokens.ts';
import { check, type Fields, type Input, said, text } from './validation.ts';
import type { Identity, World } from './world.ts';

type Method = keyof LoginsSpec;

const withJwt: Fields = { identityId: text, jwt: text };
const aws: Fields = {
  identityId: text,
  iamHttpRequestMethod: { type: 'string', fallback: 'POST' },
  iamRequestBody: text,
  iamRequestHeaders: text,
};

const notConfigured: Readonly<Record<Method, string>> = {
  kubernetes: 'Kubernetes auth method not found for identity, did you configure Kubernetes auth?',
  aws: 'AWS auth method not found for identity, did you configure AWS auth?',
  gcp: 'GCP auth method not found for identity, did you configure GCP auth?',
  azure: 'Azure auth method not found for identity, did you configure Azure Auth?',
  oidc: 'OIDC auth method not found for identity, did you configure OIDC auth?',
  jwt: 'JWT auth method not found for identity, did you configure JWT auth?',
  ldap: '',
};

function unknown(world: World, method: Method): ApiError {
  if (method === 'ldap' || (world.flavour === '2026' && method !== 'aws')) return unauthorized('Invalid credentials');
  return notFound(notConfigured[method]);
}

const route = (method: Method, fields: Fields): Route => ({
  name: `login-${method}` satisfies RouteName,
  method: 'POST',
  pattern: new RegExp(`^/api/v1/auth/${method}-auth/login$`),
  auth: false,
  limit: 'write',
  async handle(asked: Asked) {
    const { world } = asked;
    const input = check(asked.body, fields);
    const identity = world.identities.get(said(input, 'identityId'));
    return writtenLater(asked, world.books.logins, identity?.name ?? '?', async () => {
      if (identity?.logins[method] === undefined) throw unknown(world, method);
      const identityAuth = await proven(method, identity, input, world);
      return issueToken(world, identity, { method: `${method}-auth`, identityAuth });
    });
  },
});

async function proven(method: Method, identity: Identity, input: Input, world: World) {
  const prove = proofs[method] as (spec: unknown, input: Input, around: object) => ReturnType<(typeof proofs)['aws']>;
  return (await prove(identity.logins[method], input, { world, identity })) as
    | Readonly<Record<string, unknown>>
    | undefined;
}

export const loginRoutes: readonly Route[] = [
  route('kubernetes', withJwt),
  route('aws', aws),
  route('gcp', withJwt),
  route('azure', withJwt),
  route('oidc', withJwt),
  route('jwt', withJwt),
  route('ldap', { identityId: text, username: text, password: text }),
];
