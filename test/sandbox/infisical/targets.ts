/** The systems that dynamic secrets make accounts in: one in memory, and a real Redis with real users. */
import { Redis } from 'ioredis';
import type { Instant } from '../../../src/core/time.ts';
import { randomText } from '../random-text.ts';
import type { RedisTarget } from './spec.ts';

export type Values = Readonly<Record<string, unknown>>;

export interface Account {
  readonly username: string;
  readonly values: Values;
  /** Where the credential has an end of its own. */
  readonly endsAt: Instant | undefined;
}

/** Every method rejects with what the target would say when it cannot be done. */
export interface Target {
  create(account: Account): Promise<void>;
  renew(username: string): Promise<void>;
  /** From here on the credential does not work, and who was logged in with it is thrown out. */
  drop(username: string): Promise<void>;
  /** Whether somebody with these values would be let in now. */
  accepts(values: Values, now: Instant): Promise<boolean>;
  close(): Promise<void>;
}

const redisCharacters = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.~!*';

/** What a lease of this type hands out (contract 6.1): not only strings. */
export function valuesFor(type: string, username: string): Values {
  const password = randomText(48);
  switch (type) {
    case 'redis':
      return { DB_USERNAME: username, DB_PASSWORD: randomText(64, redisCharacters) };
    case 'aws-iam':
      return { ACCESS_KEY: randomText(20), SECRET_ACCESS_KEY: password, USERNAME: username };
    case 'azure-entra-id':
      return { email: `${username}@example.org`, password };
    case 'couchbase':
      return { username, password };
    case 'github':
      return {
        TOKEN: password,
        EXPIRES_AT: '2030-01-01T00:00:00Z',
        PERMISSIONS: { contents: 'read' },
        REPOSITORY_SELECTION: 'all',
      };
    case 'gcp-iam':
      return { SERVICE_ACCOUNT_EMAIL: `${username}@example.org`, TOKEN: password };
    case 'kubernetes':
      return { TOKEN: password };
    case 'ldap':
      return { USERNAME: username, PASSWORD: password, DN_ARRAY: [`cn=${username},dc=example,dc=org`] };
    case 'totp':
      return { TOTP: randomText(6, '0123456789'), TIME_REMAINING: 17 };
    default:
      return { DB_USERNAME: username, DB_PASSWORD: password };
  }
}

/** Behaves as the recorded Postgres did: renewing or dropping a role that is not there fails. */
export function memoryTarget(accounts = new Map<string, Account>()): Target {
  const must = async (username: string) => {
    if (!accounts.has(username)) throw new Error(`role "${username}" does not exist`);
  };
  return {
    create: async (account) => void accounts.set(account.username, account),
    renew: must,
    async drop(username) {
      await must(username);
      accounts.delete(username);
    },
    async accepts(values, now) {
      const shown = Object.entries(values);
      const same = (account: Account) => shown.every(([key, value]) => asText(account.values[key]) === asText(value));
      const found = [...accounts.values()].find((account) => shown.length > 0 && same(account));
      return found !== undefined && (found.endsAt === undefined || now < found.endsAt);
    },
    close: async () => accounts.clear(),
  };
}

const asText = (value: unknown) => (typeof value === 'string' ? value : JSON.stringify(value));

/** Each account is an ACL user. Deleting one also closes the connections that logged in with it. */
export function redisTarget(at: RedisTarget): Target {
  const connect = (login: { username?: string; password?: string } = {}) => {
    const options = { lazyConnect: true, maxRetriesPerRequest: 0, enableReadyCheck: false, ...login };
    const client = at.url === undefined ? new Redis({ path: at.socket ?? '', ...options }) : new Redis(at.url, options);
    // Every command's own rejection says it; without a listener it would also be printed.
    client.on('error', () => undefined);
    return client;
  };
  const admin = connect();
  const exists = async (username: string) => (await admin.call('ACL', 'GETUSER', username)) !== null;
  return {
    async create({ username, values }) {
      const rights = ['resetchannels', '&*', `~${at.keys ?? '*'}`, '+@all', '-@admin', '-@dangerous', '+info'];
      await admin.call('ACL', 'SETUSER', username, 'reset', 'on', `>${values['DB_PASSWORD']}`, ...rights);
    },
    async renew(username) {
      if (!(await exists(username))) throw new Error(`user "${username}" does not exist`);
    },
    // As the recorded server's `ACL DELUSER`: one that is not there is no failure.
    drop: async (username) => void (await admin.call('ACL', 'DELUSER', username)),
    async accepts(values) {
      const login = { username: String(values['DB_USERNAME']), password: String(values['DB_PASSWORD']) };
      const ask = async () => {
        const client = connect(login);
        try {
          return (await client.call('ACL', 'WHOAMI')) === login.username;
        } catch (error) {
          if (/WRONGPASS|NOAUTH|NOPERM/.test(String(error))) return false;
          throw error;
        } finally {
          client.disconnect();
        }
      };
      // A user that is deleted while it asks loses its connection: asked again, the answer is clear.
      return ask().catch(ask);
    },
    close: async () => admin.disconnect(),
  };
}
