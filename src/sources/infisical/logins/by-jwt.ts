/** Logins that show a JWT which somebody else keeps fresh in a file: Kubernetes, OIDC and plain JWT. Contract 5. */
import { type Credential, readCredential } from '../../../config/credential.ts';
import type { Deps } from '../../define.ts';
import type { Login } from './login.ts';

/** Read at each login: a kubelet replaces its token every hour or so. */
export function byJwt(segment: string, identityId: string, from: Credential, env: Deps['env']): Login {
  const present = async () => ({ identityId, jwt: await readCredential(from, env) });
  return { segment, prove: present, credential: async () => JSON.stringify(await present()) };
}
