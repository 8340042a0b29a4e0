/** The routes of Universal Auth and of access tokens (contract 2, 3, 4). */
import { ApiError } from './answers.ts';
import type { TokenBook } from './books.ts';
import { logIn } from './identities.ts';
import type { Asked, Route } from './route.ts';
import { issueToken, renewToken, revokeToken, type TokenAnswer } from './tokens.ts';
import { check, type Fields, said, text } from './validation.ts';
import type { Token } from './world.ts';

const tokenBody: Fields = { accessToken: text };

export const tokenRoutes: readonly Route[] = [
  {
    name: 'login',
    method: 'POST',
    pattern: /^\/api\/v1\/auth\/universal-auth\/login$/,
    auth: false,
    limit: 'write',
    handle(asked) {
      const { world, address, body } = asked;
      const input = check(body, { clientId: text, clientSecret: text });
      const login = { clientId: said(input, 'clientId'), clientSecret: said(input, 'clientSecret') };
      const known = [...world.identities.values()].find((identity) => identity.clientId === login.clientId);
      return written(asked, world.books.logins, known?.name ?? '?', () => {
        const { identity, clientSecret } = logIn(world, login, address);
        return issueToken(world, identity, clientSecret);
      });
    },
  },
  {
    name: 'token-renew',
    method: 'POST',
    pattern: /^\/api\/v1\/auth\/token\/renew$/,
    auth: false,
    limit: 'write',
    handle(asked) {
      const jwt = said(check(asked.body, tokenBody), 'accessToken');
      return written(asked, asked.world.books.tokenRenewals, '?', () => renewToken(asked.world, jwt));
    },
  },
  {
    name: 'token-revoke',
    method: 'POST',
    pattern: /^\/api\/v1\/auth\/token\/revoke$/,
    auth: false,
    limit: 'write',
    handle(asked) {
      const jwt = said(check(asked.body, tokenBody), 'accessToken');
      written(asked, asked.world.books.tokenRevocations, '?', () => ({ token: revokeToken(asked.world, jwt) }));
      return { message: 'Successfully revoked access token' };
    },
  },
];

interface Outcome {
  readonly token: Token;
  readonly answer?: TokenAnswer;
}

/** Does it, and writes down how it went. `name` is what is known of the identity before. */
function written(asked: Asked, book: TokenBook[], name: string, act: () => Outcome): TokenAnswer | undefined {
  const page = pageIn(asked, book, name);
  try {
    return page.done(act());
  } catch (error) {
    throw page.refused(error);
  }
}

/** The same for what has to ask somebody else first. */
export async function writtenLater(asked: Asked, book: TokenBook[], name: string, act: () => Promise<Outcome>) {
  const page = pageIn(asked, book, name);
  try {
    return page.done(await act());
  } catch (error) {
    throw page.refused(error);
  }
}

function pageIn({ world, body }: Asked, book: TokenBook[], name: string) {
  const at = world.clock.now();
  // Before it was renamed.
  const field = world.flavour === '2026' ? 'organizationSlug' : 'subOrganizationName';
  const slug = ((body ?? {}) as Record<string, unknown>)[field];
  const organization = typeof slug === 'string' ? { organization: slug } : {};
  return {
    done({ token, answer }: Outcome): TokenAnswer | undefined {
      const more = answer === undefined ? {} : { expiresIn: answer.expiresIn };
      const identity = token.identity.name;
      book.push({ at, identity, ...organization, outcome: 'ok', status: 200, token: token.id, ...more });
      return answer;
    },
    refused(error: unknown): unknown {
      if (!(error instanceof ApiError)) return error;
      book.push({ at, identity: name, ...organization, outcome: 'refused', status: error.status });
      return error;
    },
  };
}
