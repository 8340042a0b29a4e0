/** Who proves what by each login besides Universal Auth, and in which words the server refuses it (contract 5). */
import { request } from 'node:http';
import { claimsProven, NotProven, type Proven } from '../proven.ts';
import { ApiError, badRequest, tokenError, unauthorized, wentWrong } from './answers.ts';
import type { JwtLoginSpec, LoginsSpec } from './spec.ts';
import { type Input, said } from './validation.ts';
import type { Identity, World } from './world.ts';

/** What the server finds out about who logs in; it writes that into the token. Throws the refusal. */
type Prove<Method extends keyof LoginsSpec> = (
  spec: NonNullable<LoginsSpec[Method]>,
  input: Input,
  around: { readonly world: World; readonly identity: Identity },
) => Promise<object | undefined> | object | undefined;

type Proofs = { readonly [Method in keyof LoginsSpec]-?: Prove<Method> };

const forbidden = (message: string) => new ApiError(403, 'ForbiddenError', message);

/** What is wrong with a JWT, or its claims. */
function tried(prove: () => Proven): Proven | NotProven {
  try {
    return prove();
  } catch (error) {
    if (error instanceof NotProven) return error;
    throw error;
  }
}

/** Where the server lets the error of its JWT library through. */
function orTokenError(claims: Proven | NotProven): Proven {
  if (!(claims instanceof NotProven)) return claims;
  throw tokenError(
    claims.flaw === 'jwt expired' ? 'Your token has expired. Please re-authenticate.' : 'invalid signature',
  );
}

const among = (given: unknown, wanted: string): boolean => [given].flat().includes(wanted);

export const proofs: Proofs = {
  kubernetes({ keys, audience, namespaces }, input, { world }) {
    const claims = tried(() => claimsProven(said(input, 'jwt'), keys, world.clock.now()));
    const reviewed = (): never => {
      const words = '[invalid bearer token, service account token has expired]';
      throw new ApiError(401, 'KubernetesTokenReviewError', words);
    };
    if (claims instanceof NotProven) return reviewed();
    if (audience !== undefined && !among(claims['aud'], audience)) return reviewed();
    const [, namespace = '', name = ''] = /^system:serviceaccount:([^:]+):([^:]+)$/.exec(String(claims['sub'])) ?? [];
    if (name === '') return reviewed();
    if (namespaces && !namespaces.includes(namespace)) throw unauthorized('Access denied: K8s namespace not allowed.');
    return { kubernetes: { namespace, name } };
  },

  async aws({ sts, principals }, input) {
    const headers = JSON.parse(decoded(input, 'iamRequestHeaders')) as Readonly<Record<string, string>>;
    const scope = /Credential=[^/]+\/\d+\/([^/]+)\//.exec(headers['Authorization'] ?? headers['authorization'] ?? '');
    const region = scope?.[1] ?? '';
    if (!/^[a-z0-9-]{1,20}$/.test(region)) throw badRequest('Invalid AWS region');
    // It asks the STS of the region by its name; ours answers to every name, and says whether that one was signed.
    const host = headers['Host'] ?? headers['host'];
    if (host !== `sts.${region}.amazonaws.com`) throw wentWrong();
    const answer = await asked(sts, said(input, 'iamHttpRequestMethod'), headers, decoded(input, 'iamRequestBody'));
    const { Account, Arn, UserId } = answer;
    const role = Arn.replace(/^arn:aws:sts::(\d+):assumed-role\/([^/]+)\/.*$/, 'arn:aws:iam::$1:role/$2');
    if (!principals.includes(role))
      throw unauthorized(`Access denied: AWS principal ARN not allowed. [principal-arn=${role}]`);
    return { aws: { accountId: Account, arn: Arn, userId: UserId } };
  },

  gcp({ type, keys, accounts }, input, { world, identity }) {
    const claims = tried(() => claimsProven(said(input, 'jwt'), keys, world.clock.now()));
    const allowed = (email: unknown) => {
      if (accounts.includes(String(email))) return undefined;
      throw unauthorized('Access denied: GCP service account not allowed.');
    };
    if (type === 'gce') {
      // Google's library throws errors that the server does not know.
      if (claims instanceof NotProven || claims['aud'] !== identity.id) throw wentWrong();
      if (claims['iss'] !== 'https://accounts.google.com') throw wentWrong();
      return allowed(claims['email']);
    }
    const { sub, aud, exp, iat } = orTokenError(claims);
    if (!/^[a-z0-9-]+@[a-z0-9-]+\.iam\.gserviceaccount\.com$/.test(String(sub))) {
      throw unauthorized('Invalid service account identifier');
    }
    if (aud !== identity.id) throw unauthorized('Invalid audience in GCP IAM Token');
    if (Number(exp) - Number(iat) > 3_600) throw orTokenError(new NotProven('invalid signature'));
    return allowed(sub);
  },

  azure({ keys, tenant, resource, principals }, input, { world }) {
    const claims = tried(() => claimsProven(said(input, 'jwt'), keys, world.clock.now()));
    if (claims instanceof NotProven && claims.flaw === 'unknown key') throw unauthorized('Invalid signing key');
    const { aud, iss, oid } = orTokenError(claims);
    const audience = String(aud).endsWith('/') ? resource : resource.replace(/\/$/, '');
    if (aud !== audience || iss !== `https://sts.windows.net/${tenant}/`)
      throw orTokenError(new NotProven('invalid signature'));
    if (!principals.includes(String(oid))) throw unauthorized('Access denied: Azure service principal not allowed.');
    return undefined;
  },

  oidc(spec, input, { world }) {
    const claims = tried(() => claimsProven(said(input, 'jwt'), spec.keys, world.clock.now()));
    if (claims instanceof NotProven) {
      // Recorded of 2025; the newer ones answer it like the others.
      if (claims.flaw === 'unknown key' && world.flavour === '2025') throw wentWrong();
      throw unauthorized(`Access denied: ${claims.flaw}`);
    }
    if (claims['iss'] !== spec.issuer)
      throw unauthorized(`Access denied: jwt issuer invalid. expected: ${spec.issuer}`);
    if (claims['sub'] !== spec.subject) throw forbidden('Access denied: OIDC subject not allowed.');
    if (!among(claims['aud'], spec.audience)) throw forbidden('Access denied: OIDC audience not allowed.');
    return { oidc: { claims: {} } };
  },

  jwt(spec: JwtLoginSpec, input, { world }) {
    const claims = tried(() => claimsProven(said(input, 'jwt'), spec.keys, world.clock.now()));
    if (claims instanceof NotProven) {
      if (claims.flaw === 'malformed') throw unauthorized('Invalid JWT');
      throw unauthorized(`Access denied: JWT verification failed with all keys. Errors - ${claims.flaw}`);
    }
    if (claims['iss'] !== spec.issuer) throw forbidden('Access denied: issuer mismatch');
    if (claims['sub'] !== spec.subject) throw forbidden('Access denied: subject not allowed');
    if (!among(claims['aud'], spec.audience)) throw unauthorized('Access denied: token audience not allowed');
    return { jwt: { claims: {} } };
  },

  ldap({ username, password }, input) {
    const isRight = said(input, 'username') === username && said(input, 'password') === password;
    if (!isRight) throw unauthorized('Invalid credentials');
    return { ldap: { uid: username, username } };
  },
};

const decoded = (input: Input, name: string): string => Buffer.from(said(input, name), 'base64').toString();

interface CallerIdentity {
  readonly Account: string;
  readonly Arn: string;
  readonly UserId: string;
}

/** The request that was signed is made, as it was. Whatever goes wrong with it the server does not know. */
function asked(
  url: string,
  method: string,
  headers: Readonly<Record<string, string>>,
  body: string,
): Promise<CallerIdentity> {
  return new Promise((resolve, reject) => {
    const sent = request(url, { method, headers, path: '/' }, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('end', () => {
        if (response.statusCode !== 200) return reject(wentWrong());
        const answer = JSON.parse(Buffer.concat(chunks).toString());
        resolve(answer.GetCallerIdentityResponse.GetCallerIdentityResult as CallerIdentity);
      });
    });
    sent.on('error', () => reject(wentWrong()));
    sent.end(body);
  });
}
