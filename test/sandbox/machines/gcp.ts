/** What a program on Google Cloud meets: the metadata service of its machine, and IAM Credentials. */
import type { Clock } from '../../../src/core/time.ts';
import { type Answer, type Asked, type LocalServer, localServer, refused } from './local-server.ts';
import { dated, type Signer } from './signers.ts';

export interface Gcp {
  readonly metadata: LocalServer;
  readonly iamCredentials: LocalServer;
  close(): Promise<void>;
}

export const machineAccount = 'machine@shop.iam.gserviceaccount.com';
const accessToken = 'ya29.of-the-machine';

/** `google` signs for machines, `account` is the key of the account that IAM Credentials signs for. */
export async function startGcp(clock: Clock, google: Signer, account: Signer, accountName: string): Promise<Gcp> {
  const flavour = { 'metadata-flavor': 'Google' };

  function metadata({ method, path, query, headers }: Asked): Answer {
    // What a page in a browser, or a proxy, can be brought to ask has not got this.
    if (headers['metadata-flavor'] !== 'Google' || headers['x-forwarded-for'] !== undefined) return refused(403);
    const [, what] = /^\/computeMetadata\/v1\/instance\/service-accounts\/default\/(\w+)$/.exec(path) ?? [];
    if (method !== 'GET') return refused(405);
    if (what === 'token') return { headers: flavour, body: { access_token: accessToken, expires_in: 3_599 } };
    const audience = query.get('audience');
    if (what !== 'identity' || !audience) return refused(404);
    const engine = query.get('format') === 'full' ? { google: { compute_engine: { project_id: 'shop' } } } : {};
    const claims = {
      iss: 'https://accounts.google.com',
      aud: audience,
      email: machineAccount,
      ...dated(clock, 3_600),
      ...engine,
    };
    return { headers: flavour, body: google.sign(claims) };
  }

  function iamCredentials({ method, path, headers, body }: Asked): Answer {
    if (method !== 'POST' || headers.authorization !== `Bearer ${accessToken}`) return refused(401);
    if (decodeURIComponent(path) !== `/v1/projects/-/serviceAccounts/${accountName}:signJwt`) return refused(403);
    const claims = JSON.parse((JSON.parse(body) as { payload: string }).payload) as { exp?: number };
    const now = Math.floor(clock.now() / 1_000);
    if (typeof claims.exp !== 'number' || claims.exp <= now || claims.exp > now + 12 * 3_600) return refused(400);
    return { body: { keyId: account.kid, signedJwt: account.sign(claims) } };
  }

  const all = { metadata: await localServer(metadata), iamCredentials: await localServer(iamCredentials) };
  return {
    ...all,
    async close() {
      await Promise.all(Object.values(all).map((one) => one.close()));
    },
  };
}
