/** IAM tokens: given out, the same again or a new one, believed until they end or are revoked (contract 6). */
import { randomText } from '../random-text.ts';
import type { Means } from './books.ts';
import { RpcError, unauthenticated } from './status.ts';
import type { Account, Token, World } from './world.ts';

const urlSafe = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';

/** What this account has already where it asks again soon, else a new one. The old one lives on. */
export function issueToken(world: World, account: Account, means: Means): { token: Token; again: boolean } {
  const now = world.clock.now();
  const known = [...world.tokens.values()].findLast((token) => token.account === account && token.means === means);
  if (known !== undefined && isGood(world, known) && now < known.issuedAt + world.sameTokenFor) {
    return { token: known, again: true };
  }
  const token: Token = {
    id: randomText(12),
    value: `t1.${randomText(120, urlSafe)}.${randomText(86, urlSafe)}`,
    account,
    means,
    issuedAt: now,
    expiresAt: now + world.tokenLife,
    revoked: false,
  };
  world.tokens.set(token.value, token);
  return { token, again: false };
}

const isGood = (world: World, token: Token): boolean =>
  !token.revoked && world.clock.now() < token.expiresAt && world.accounts.has(token.account.id);

/** Whose token that is. */
export function holderOf(world: World, value: string): Token | undefined {
  const token = world.tokens.get(value);
  return token !== undefined && isGood(world, token) ? token : undefined;
}

/** Who shows this `Authorization` header; otherwise throws UNAUTHENTICATED. */
export function authenticate(world: World, header: string | undefined): Account {
  const [, value = ''] = /^bearer ([^ ]+)$/i.exec(header ?? '') ?? [];
  const token = holderOf(world, value);
  if (token === undefined) throw unauthenticated();
  return token.account;
}

/** Gives a token to whom `prove` makes out, and writes down how it went. */
export function give(world: World, means: Means, prove: () => Account): Token {
  const at = world.clock.now();
  let account: Account;
  try {
    account = prove();
  } catch (error) {
    if (error instanceof RpcError) world.books.tokens.push({ at, means, account: '?', outcome: 'refused' });
    throw error;
  }
  const { token, again } = issueToken(world, account, means);
  const { id, expiresAt } = token;
  world.books.tokens.push({ at, means, account: account.name, outcome: 'ok', token: id, expiresAt, again });
  return token;
}
