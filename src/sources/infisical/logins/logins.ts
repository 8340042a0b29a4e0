/** The ways to log in, by the words of the configuration. */
import type { Deps } from '../../define.ts';
import { elsewhere } from './ask.ts';
import { byAws } from './by-aws.ts';
import { byAzure } from './by-azure.ts';
import { byKeyOfGcp, byMachineOfGcp, bySigningAtGcp } from './by-gcp.ts';
import { byJwt } from './by-jwt.ts';
import { byClientSecret, byPassword } from './by-secret.ts';
import type { Login } from './login.ts';
import type { LoginAuth } from './options.ts';

/** Throws `Error` where a variable of the environment that a method goes by cannot be used. */
export function loginOf(auth: LoginAuth, deps: Deps): Login {
  const { env } = deps;
  switch (auth.method) {
    case 'universal':
      return byClientSecret(auth, env);
    case 'kubernetes':
      return byJwt('kubernetes-auth', auth.identityId, { file: auth.tokenFile }, env);
    case 'oidc':
      return byJwt('oidc-auth', auth.identityId, auth.token, env);
    case 'jwt':
      return byJwt('jwt-auth', auth.identityId, auth.token, env);
    case 'ldap':
      return byPassword(auth, env);
    case 'aws':
      return byAws(auth, elsewhere(deps), env);
    case 'azure':
      return byAzure(auth, elsewhere(deps), env);
    case 'gcp': {
      const { identityId, keyFile, serviceAccount, iamCredentials } = auth;
      if (keyFile !== undefined) return byKeyOfGcp(identityId, keyFile);
      if (serviceAccount === undefined) return byMachineOfGcp(identityId, elsewhere(deps), env);
      return bySigningAtGcp(identityId, { serviceAccount, iamCredentials }, elsewhere(deps), env);
    }
  }
}
