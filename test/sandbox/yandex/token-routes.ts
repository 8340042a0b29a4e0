/** IAM, the exchange for workloads, the metadata service and discovery (contract 1, 6). */
import { maybe, text } from './fields.ts';
import { inMillis } from './ids.ts';
import { accountOf, subjectOf } from './jwt.ts';
import { requireRight } from './rights.ts';
import { type Route, route, whoever } from './route.ts';
import { codes, invalid, invalidToken, notFound, OtherAnswer, type RpcError } from './status.ts';
import { give, holderOf } from './tokens.ts';
import type { Account, Token, World } from './world.ts';

/** With nanoseconds that are none. */
const asIamToken = (token: Token): object => ({
  iamToken: token.value,
  expiresAt: inMillis(token.expiresAt).replace('Z', '000000Z'),
});

/** In whole seconds, as OAuth has it. */
const asAccessToken = (world: World, token: Token): object => ({
  access_token: token.value,
  expires_in: Math.floor((token.expiresAt - world.clock.now()) / 1000),
  token_type: 'Bearer',
});

const accountWith = (world: World, isIt: (account: Account) => boolean): Account => {
  const found = [...world.accounts.values()].find(isIt);
  if (found === undefined) throw invalidToken();
  return found;
};

const urn = 'urn:ietf:params:oauth';
const exchangeFields = {
  grant_type: text({ required: true, pattern: new RegExp(`^${urn}:grant-type:token-exchange$`) }),
  requested_token_type: text({ required: true, pattern: new RegExp(`^${urn}:token-type:access_token$`) }),
  subject_token_type: text({ required: true, pattern: new RegExp(`^${urn}:token-type:id_token$`) }),
  audience: text({ required: true }),
  subject_token: text({ required: true }),
};

const iam = { host: 'iam', method: 'POST', input: 'json' } as const;

export const tokenRoutes: readonly Route[] = [
  route(
    {
      ...iam,
      name: 'token-create',
      pattern: /^\/iam\/v1\/tokens$/,
      auth: false,
      fields: { jwt: maybe(text({ max: 8000 })), yandexPassportOauthToken: maybe(text({ max: 4000 })) },
      oneOf: [['jwt', 'yandexPassportOauthToken']],
    },
    ({ world }, { jwt, yandexPassportOauthToken: oauth }) => {
      if (jwt !== undefined) return asIamToken(give(world, 'jwt', () => accountOf(world, jwt)));
      if (oauth === undefined) {
        throw invalid([{ field: 'jwt', description: 'One of jwt, yandex_passport_oauth_token is required' }]);
      }
      return asIamToken(give(world, 'oauth', () => accountWith(world, ({ oauthToken }) => oauthToken === oauth)));
    },
  ),
  route(
    {
      ...iam,
      name: 'token-create-for',
      pattern: /^\/iam\/v1\/tokens:createForServiceAccount$/,
      auth: true,
      fields: { serviceAccountId: text({ max: 50, required: true }) },
    },
    (asked, { serviceAccountId }) => {
      requireRight(whoever(asked), 'impersonate');
      const account = asked.world.accounts.get(serviceAccountId);
      if (account === undefined) throw notFound(`Service account ${serviceAccountId}`);
      return asIamToken(give(asked.world, 'impersonation', () => account));
    },
  ),
  route(
    {
      ...iam,
      name: 'token-revoke',
      pattern: /^\/iam\/v1\/tokens:revoke$/,
      auth: true,
      fields: { iamToken: text({ max: 4096, required: true }) },
    },
    ({ world }, { iamToken }) => {
      const token = holderOf(world, iamToken);
      if (token === undefined) throw invalidToken();
      token.revoked = true;
      return { subjectId: token.account.id };
    },
  ),
  route(
    {
      name: 'token-exchange',
      host: 'auth',
      method: 'POST',
      pattern: /^\/oauth\/token$/,
      auth: false,
      input: 'form',
      fields: exchangeFields,
    },
    ({ world }, read) => {
      const token = give(world, 'workload', () => {
        const subject = subjectOf(world, read.subject_token);
        return accountWith(world, (account) => account.id === read.audience && account.subject === subject);
      });
      return asAccessToken(world, token);
    },
  ),
  route(
    {
      name: 'token-metadata',
      host: 'metadata',
      method: 'GET',
      pattern: /^\/computeMetadata\/v1\/instance\/service-accounts\/default\/token$/,
      auth: false,
      input: 'path',
    },
    ({ world, header }) => {
      if (header('metadata-flavor') !== 'Google') throw new OtherAnswer(403, 'Metadata-Flavor: Google is missing\n');
      const { attached } = world;
      if (attached === undefined || !world.accounts.has(attached.id)) throw new OtherAnswer(404, '');
      return asAccessToken(
        world,
        give(world, 'metadata', () => attached),
      );
    },
  ),
];

const page = { pageSize: text(), pageToken: text() };

export const endpointRoutes: readonly Route[] = [
  route(
    {
      name: 'endpoint-list',
      host: 'discovery',
      method: 'GET',
      pattern: /^\/endpoints$/,
      auth: false,
      input: 'query',
      fields: page,
    },
    ({ world }) => ({ endpoints: Object.entries(world.addresses).map(([id, address]) => ({ id, address })) }),
  ),
  route(
    {
      name: 'endpoint-get',
      host: 'discovery',
      method: 'GET',
      pattern: /^\/endpoints\/([^/]+)$/,
      auth: false,
      input: 'path',
    },
    ({ world, parts }) => {
      const id = parts[0] ?? '';
      const address = world.addresses[id];
      if (address === undefined) throw notFound(`Endpoint ${id}`);
      return { id, address };
    },
  ),
];

/** How the exchange says what is wrong: nobody has written it down, so as OAuth does. */
export function inOauth({ code, message }: RpcError): object {
  const error = code === codes.unauthenticated ? 'invalid_grant' : 'invalid_request';
  return { error, error_description: message };
}
