/** Signs as a service account does: for tests of the sandbox, and wrongly where they want it. */
import { constants, sign } from 'node:crypto';
import type { Instant } from '../../../src/core/time.ts';
import type { KeyFile } from './world.ts';

interface Wishes {
  readonly now: Instant;
  readonly header?: object;
  readonly claims?: object;
  readonly saltLength?: number;
}

/** A JWT that lives an hour from `now`. */
export function ps256(key: KeyFile, { now, header = {}, claims = {}, saltLength = 32 }: Wishes): string {
  const iat = Math.floor(now / 1000);
  const encode = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
  const head = encode({ typ: 'JWT', alg: 'PS256', kid: key.id, ...header });
  const aud = 'https://iam.api.cloud.yandex.net/iam/v1/tokens';
  const body = encode({ iss: key.service_account_id, aud, iat, exp: iat + 3600, ...claims });
  const padding = constants.RSA_PKCS1_PSS_PADDING;
  const signature = sign('sha256', Buffer.from(`${head}.${body}`), { key: key.private_key, padding, saltLength });
  return `${head}.${body}.${signature.toString('base64url')}`;
}
