/** What Kubernetes takes for a name, a key, a label: asked before anything is sent, so that we can say what is wrong. */
import { z } from 'zod';

const dnsLabel = '[a-z0-9](?:[-a-z0-9]*[a-z0-9])?';
const subdomain = new RegExp(`^${dnsLabel}(?:\\.${dnsLabel})*$`);
const part = /^[A-Za-z0-9](?:[-A-Za-z0-9_.]*[A-Za-z0-9])?$/;

const letters = 'small letters, digits, - and ., beginning and ending with a letter or a digit';

/** Of a Secret or a workload. */
export const objectName = z
  .string(`a name: ${letters}`)
  .max(253, 'a name of at most 253 characters')
  .regex(subdomain, `not a name that Kubernetes takes: ${letters}`);

export const namespaceName = z
  .string('the name of a namespace')
  .max(63, 'a name of at most 63 characters')
  .regex(new RegExp(`^${dnsLabel}$`), 'not the name of a namespace: small letters, digits and -');

/** Why a Secret cannot have a value of that name, if so. */
export function unfitForSecret(key: string): string | undefined {
  if (!/^[-._a-zA-Z0-9]+$/.test(key))
    return 'a key of a Secret has letters, digits, - _ and . only: rename it by keys:';
  if (key.length > 253) return 'a key of a Secret has at most 253 characters: rename it by keys:';
  // They become file names where the Secret is mounted.
  return key === '.' || key.startsWith('..') ? 'a key of a Secret may not begin with two dots: rename it' : undefined;
}

/** A label's or an annotation's name: `app` or `example.com/app`. */
const isQualified = (name: string): boolean => {
  const [last = '', prefix, ...more] = name.split('/').reverse();
  const isPrefixed = prefix === undefined || (prefix.length <= 253 && subdomain.test(prefix));
  return more.length === 0 && isPrefixed && last.length <= 63 && part.test(last);
};

/** What we say there ourselves. */
const isOurs = (name: string): boolean => name === managedBy || name.startsWith('leasekeeper/');

export const managedBy = 'app.kubernetes.io/managed-by';
export const us = 'leasekeeper';
/** Carries the number of the values: a higher one is not overwritten. */
export const sequenceAt = 'leasekeeper/sequence';

const map = (what: string) =>
  z
    .record(z.string(), z.string(`${what} is a text: write it in quotes, such as "1"`))
    .superRefine((all, context) => {
      const problem = (path: string, message: string) => context.addIssue({ code: 'custom', path: [path], message });
      for (const name of Object.keys(all)) {
        if (isOurs(name)) problem(name, 'leasekeeper writes this one itself: leave it out');
        else if (!isQualified(name)) problem(name, `not the name of ${what}: such as app or example.com/app`);
      }
    })
    .default({});

export const labels = map('a label').superRefine((all, context) => {
  for (const [name, value] of Object.entries(all)) {
    if (value === '' || (value.length <= 63 && part.test(value))) continue;
    const message = 'a label has at most 63 letters, digits, - _ and ., beginning and ending with a letter or a digit';
    context.addIssue({ code: 'custom', path: [name], message });
  }
});

export const annotations = map('an annotation').refine(
  (all) => Buffer.byteLength(JSON.stringify(all)) <= 250_000,
  'annotations have at most 256 KiB together: these are more',
);

/** What a Secret of that type has to have; of `basic-auth` one of both. */
const wanted: Readonly<Record<string, readonly string[]>> = {
  'kubernetes.io/tls': ['tls.crt', 'tls.key'],
  'kubernetes.io/dockerconfigjson': ['.dockerconfigjson'],
  'kubernetes.io/dockercfg': ['.dockercfg'],
  'kubernetes.io/ssh-auth': ['ssh-privatekey'],
  'kubernetes.io/basic-auth': ['username', 'password'],
};

/** Why these keys do not make a Secret of that type, if so. */
export function lacking(type: string, keys: readonly string[]): string | undefined {
  const all = wanted[type] ?? [];
  const missing = all.filter((key) => !keys.includes(key));
  const isEnough = type === 'kubernetes.io/basic-auth' ? missing.length < all.length : missing.length === 0;
  return isEnough ? undefined : `a Secret of type ${type} needs the key ${missing.join(' and ')}: name it by keys:`;
}
