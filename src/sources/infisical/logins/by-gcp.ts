/** The logins by Google Cloud: a machine's identity token, or a JWT that is signed for a service account. Contract 5. */
import { createPrivateKey, type KeyObject, sign } from 'node:crypto';
import { z } from 'zod';
import { readCredential } from '../../../config/credential.ts';
import { LeaseError } from '../../../core/failure.ts';
import { type Instant, minutes } from '../../../core/time.ts';
import type { Deps } from '../../define.ts';
import { type Elsewhere, localUrlIn, readAs, word } from './ask.ts';
import type { Login } from './login.ts';

const account = '/computeMetadata/v1/instance/service-accounts/default';
const ours = { 'metadata-flavor': 'Google' };
const refusals = { 404: ['invalid', 'no service account is attached to this machine'] } as const;

/** Throws `Error` where `GCE_METADATA_HOST` is no address. */
function metadata(elsewhere: Elsewhere, env: Deps['env']) {
  const base = localUrlIn(env, 'GCE_METADATA_HOST', 'metadata.google.internal');
  return async (path: string, what: string, signal: AbortSignal): Promise<string> => {
    const url = `${base}${account}${path}`;
    const { text, headers } = await elsewhere.ask({ what, url, headers: ours, signal, isLocal: true, refusals });
    // Whoever else answers to that name does not say so.
    if (headers['metadata-flavor'] === 'Google') return text;
    throw new LeaseError('unavailable', `${what}: answered by something that is not the metadata service`);
  };
}

/** A token that Google signs for this machine, made out to the identity. */
export function byMachineOfGcp(identityId: string, elsewhere: Elsewhere, env: Deps['env']): Login {
  const ask = metadata(elsewhere, env);
  return {
    segment: 'gcp-auth',
    async prove({ signal }) {
      const query = new URLSearchParams({ audience: identityId, format: 'full' });
      const what = 'asking the metadata service for an identity token';
      const jwt = await ask(`/identity?${query}`, what, signal);
      if (word.safeParse(jwt).success) return { identityId, jwt };
      throw new LeaseError('unavailable', `${what}: the answer cannot be understood`);
    },
    credential: async () => 'the machine itself',
    close: () => elsewhere.close(),
  };
}

/** Signed here, with a key of the service account: Infisical finds its public half at Google. */
export function byKeyOfGcp(identityId: string, keyFile: string): Login {
  const content = () => readCredential({ file: keyFile }, {});
  return {
    segment: 'gcp-auth',
    async prove({ now }) {
      const { email, id, key } = keyIn(await content(), keyFile);
      const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
      const text = `${part({ alg: 'RS256', typ: 'JWT', kid: id })}.${part({ iss: email, ...claims(email, identityId, now) })}`;
      return { identityId, jwt: `${text}.${sign('sha256', Buffer.from(text), key).toString('base64url')}` };
    },
    credential: content,
  };
}

/** An hour in all is granted. Half of it before now and half after: either clock may be wrong by so much. */
const eitherWay = minutes(30);

function claims(email: string, identityId: string, now: Instant) {
  const inSeconds = (at: Instant) => Math.floor(at / 1_000);
  return { sub: email, aud: identityId, iat: inSeconds(now - eitherWay), exp: inSeconds(now + eitherWay) };
}

const keyFields = z.looseObject({ client_email: word, private_key_id: word, private_key: z.string() });

/** Throws `LeaseError` `denied` where the file holds no such key; nothing of what is in it is told. */
function keyIn(content: string, path: string): { email: string; id: string; key: KeyObject } {
  try {
    const { client_email, private_key_id, private_key } = keyFields.parse(JSON.parse(content));
    return { email: client_email, id: private_key_id, key: createPrivateKey(private_key) };
  } catch {
    throw new LeaseError('denied', `the key file ${path} holds no key of a service account as the console writes it`);
  }
}

/** Signed by Google for a service account that this machine's own may sign for. */
export function bySigningAtGcp(
  identityId: string,
  { serviceAccount, iamCredentials }: { readonly serviceAccount: string; readonly iamCredentials: string },
  elsewhere: Elsewhere,
  env: Deps['env'],
): Login {
  const ask = metadata(elsewhere, env);
  return {
    segment: 'gcp-auth',
    async prove({ signal, now }) {
      const asking = 'asking the metadata service for an access token';
      const { access_token } = readAs(z.object({ access_token: word }), asking, await ask('/token', asking, signal));
      const what = 'having the JWT signed by IAM Credentials';
      const { text } = await elsewhere.ask({
        what,
        url: `${iamCredentials}/v1/projects/-/serviceAccounts/${encodeURIComponent(serviceAccount)}:signJwt`,
        method: 'POST',
        headers: { authorization: `Bearer ${access_token}`, 'content-type': 'application/json' },
        body: JSON.stringify({ payload: JSON.stringify(claims(serviceAccount, identityId, now)) }),
        signal,
        refusals: {
          403: [
            'denied',
            "the machine's service account may not sign for that one: roles/iam.serviceAccountTokenCreator",
          ],
        },
      });
      return { identityId, jwt: readAs(z.object({ signedJwt: word }), what, text).signedJwt };
    },
    credential: async () => 'the machine itself',
    close: () => elsewhere.close(),
  };
}
