/** Logins that show a secret which we were given: Universal Auth and LDAP. Contract 2 and 5. */
import { type Credential, readCredential } from '../../../config/credential.ts';
import type { Deps } from '../../define.ts';
import type { Login } from './login.ts';

type Env = Deps['env'];

export function byClientSecret({ clientId, clientSecret }: UniversalAuth, env: Env): Login {
  return {
    segment: 'universal-auth',
    prove: async () => ({ clientId, clientSecret: await readCredential(clientSecret, env) }),
    credential: async () => JSON.stringify([clientId, await readCredential(clientSecret, env)]),
  };
}

interface UniversalAuth {
  readonly clientId: string;
  readonly clientSecret: Credential;
}

export function byPassword({ identityId, username, password }: LdapAuth, env: Env): Login {
  const present = async () => ({
    identityId,
    username: typeof username === 'string' ? username : await readCredential(username, env),
    password: await readCredential(password, env),
  });
  return { segment: 'ldap-auth', prove: present, credential: async () => JSON.stringify(await present()) };
}

interface LdapAuth {
  readonly identityId: string;
  readonly username: string | Credential;
  readonly password: Credential;
}
