/** A service account's authorized key: its file as the console writes it, and the JWT that it signs. Contract 6. */
import { constants, createPrivateKey, type KeyObject, sign } from 'node:crypto';
import { z } from 'zod';
import { LeaseError } from '../../core/failure.ts';
import { type Instant, minutes } from '../../core/time.ts';
import { readGivenFile } from '../../given-file.ts';

export interface AuthorizedKey {
  readonly id: string;
  readonly serviceAccountId: string;
  readonly privateKey: KeyObject;
}

const text = z.string().trim().min(1).optional();

/** Programs write it either way, and some add to it. */
const file = z.looseObject({
  id: text,
  service_account_id: text,
  serviceAccountId: text,
  private_key: text,
  privateKey: text,
});

/** The file as it is now. Throws `LeaseError` `denied` where it cannot be read; the message names the place alone. */
export async function readKeyFile(path: string): Promise<string> {
  try {
    return (await readGivenFile(path)).toString('utf8');
  } catch (error) {
    throw new LeaseError('denied', `the key file ${path} cannot be read: ${(error as Error).message}`);
  }
}

/** Throws `LeaseError` `denied` where the file holds no such key; nothing of what is in it is told. */
export function authorizedKeyIn(content: string, path: string): AuthorizedKey {
  const fields = file.safeParse(jsonOf(content)).data;
  const id = fields?.id;
  const serviceAccountId = fields?.service_account_id ?? fields?.serviceAccountId;
  const pem = fields?.private_key ?? fields?.privateKey;
  const privateKey = pem === undefined ? undefined : keyOf(pem);
  if (id === undefined || serviceAccountId === undefined || !privateKey) {
    throw new LeaseError('denied', `the key file ${path} holds no authorized key as the console writes it`);
  }
  return { id, serviceAccountId, privateKey };
}

function jsonOf(content: string): unknown {
  try {
    return JSON.parse(content.replace(/^\uFEFF/, ''));
  } catch {
    return undefined;
  }
}

/** The line before the PEM, which warns not to remove it, may stay where it is. */
function keyOf(pem: string): KeyObject | undefined {
  try {
    const key = createPrivateKey(pem);
    return key.asymmetricKeyType === 'rsa' ? key : undefined;
  } catch {
    return undefined;
  }
}

/** The server grants an hour in all. Half of it before now and half after: either clock may be wrong by so much. */
const eitherWay = minutes(30);

/** `PS256`, the only algorithm that is accepted. `now` is what the server takes the time to be, as far as we know. */
export function jwtOf({ id, serviceAccountId, privateKey }: AuthorizedKey, audience: string, now: Instant): string {
  const inSeconds = (at: Instant) => Math.floor(at / 1_000);
  const claims = {
    iss: serviceAccountId,
    aud: audience,
    iat: inSeconds(now - eitherWay),
    exp: inSeconds(now + eitherWay),
  };
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
  const signed = `${part({ typ: 'JWT', alg: 'PS256', kid: id })}.${part(claims)}`;
  const padding = { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: constants.RSA_PSS_SALTLEN_DIGEST };
  return `${signed}.${sign('sha256', Buffer.from(signed), { key: privateKey, ...padding }).toString('base64url')}`;
}
