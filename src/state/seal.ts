/** Seals values and signs records, so that who has our Redis can neither read nor change them, nor put one for another. */
import { createCipheriv, createDecipheriv, createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import { Material } from '../core/material.ts';
import type { Holding } from '../core/record.ts';
import type { Key, KeyRing } from './keys.ts';

/** What is sealed and signed begins with the id of the key, and a dot. */
export interface Sealing {
  readonly ring: KeyRing;
  /** The values of that lease, in that generation, of that secret; nothing else opens it. */
  seal(secret: string, holding: Holding, material: Material): string;
  /** `undefined`: it was sealed as something else, with another key, or was damaged. */
  open(secret: string, holding: Holding, sealed: string): Material | undefined;
  /** `revision`: a number of the record, or a word for what stands in its place. */
  sign(secret: string, revision: number | string, text: string): string;
  /** Throws where it was not signed so by a key of ours. The message quotes nothing of what was signed. */
  check(secret: string, revision: number | string, text: string, signature: string | undefined): void;
  /** Is that of the key that seals today? */
  isPresent(text: string): boolean;
  wrap(key: Buffer): string;
  unwrap(wrapped: string): Buffer | undefined;
}

/** Under `prefix`, as it begins all our keys in Redis: what was made under another is not accepted. */
export function sealing(ring: KeyRing, prefix: string): Sealing {
  const { present } = ring;
  const place = (secret: string, { lease, generation }: Holding, key: Key) =>
    bound('values', prefix, secret, lease, generation, key.id);
  const signature = (key: Key, secret: string, revision: number | string, text: string) =>
    createHmac('sha256', key.record)
      .update(bound('record', prefix, secret, revision, text))
      .digest();
  const keyOf = (text: string) => ring.all.get(idIn(text) ?? '');
  return {
    ring,
    seal: (secret, holding, material) =>
      `${present.id}.${encrypt(present.seal, place(secret, holding, present), Buffer.from(textOf(material)))}`,
    open(secret, holding, sealed) {
      const key = keyOf(sealed);
      const bytes = key && decrypt(key.seal, place(secret, holding, key), afterId(sealed));
      return bytes && materialOf(bytes.toString());
    },
    sign: (secret, revision, text) =>
      `${present.id}.${signature(present, secret, revision, text).toString('base64url')}`,
    check(secret, revision, text, given = '') {
      const id = idIn(given);
      if (id === undefined) throw new Error('it is not signed');
      const key = ring.all.get(id);
      if (!key) throw new Error(`it is signed with the key ${id}, which we do not have`);
      const [is, wanted] = [Buffer.from(afterId(given), 'base64url'), signature(key, secret, revision, text)];
      if (is.length !== wanted.length || !timingSafeEqual(is, wanted)) throw new Error('its signature does not fit');
    },
    isPresent: (text) => idIn(text) === present.id,
    wrap: (key) => `${present.id}.${encrypt(present.wrap, bound('mark key', prefix, present.id), key)}`,
    unwrap(wrapped) {
      const key = keyOf(wrapped);
      return key && decrypt(key.wrap, bound('mark key', prefix, key.id), afterId(wrapped));
    },
  };
}

/** The id of the key that this was made with, ours or not. `undefined`: it does not say. */
export const idIn = (text: string): string | undefined => /^([0-9a-f]{16})\./.exec(text)?.[1];

const afterId = (text: string): string => text.slice(text.indexOf('.') + 1);

/** Each part with its length before it: no two lists of parts make the same bytes. */
function bound(...parts: readonly (string | number)[]): Buffer {
  return Buffer.concat(
    parts.flatMap((part) => {
      const bytes = Buffer.from(String(part));
      const size = Buffer.alloc(4);
      size.writeUInt32BE(bytes.length);
      return [size, bytes];
    }),
  );
}

const cipher = 'aes-256-gcm';
const ivLength = 12;
const tagLength = 16;

function encrypt(key: Buffer, about: Buffer, plain: Buffer): string {
  const iv = randomBytes(ivLength);
  const encryption = createCipheriv(cipher, key, iv, { authTagLength: tagLength }).setAAD(about);
  const sealed = [encryption.update(plain), encryption.final()];
  return Buffer.concat([iv, encryption.getAuthTag(), ...sealed]).toString('base64url');
}

function decrypt(key: Buffer, about: Buffer, text: string): Buffer | undefined {
  const bytes = Buffer.from(text, 'base64url');
  if (bytes.length < ivLength + tagLength) return undefined;
  const decryption = createDecipheriv(cipher, key, bytes.subarray(0, ivLength), { authTagLength: tagLength })
    .setAAD(about)
    .setAuthTag(bytes.subarray(ivLength, ivLength + tagLength));
  try {
    return Buffer.concat([decryption.update(bytes.subarray(ivLength + tagLength)), decryption.final()]);
  } catch {
    return undefined;
  }
}

/** As pairs: a value may be called `__proto__`. */
const textOf = (material: Material): string =>
  JSON.stringify(material.keys().map((key) => [key, material.reveal(key)]));

const materialOf = (text: string): Material => new Material(Object.fromEntries(JSON.parse(text)));
