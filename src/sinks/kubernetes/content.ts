/** What a Secret of ours holds, and the marks by which it is known again. */
import { createHash, createHmac, timingSafeEqual } from 'node:crypto';
import { LeaseError } from '../../core/failure.ts';
import type { Material } from '../../core/material.ts';
import { entriesOf, type Keys } from '../render.ts';
import { lacking, managedBy, sequenceAt, unfitForSecret, us } from './names.ts';
import type { Fields } from './secret.ts';

/** All that decides what a Secret looks like, besides the values. */
export interface SecretContent {
  readonly keys: Keys;
  readonly secretType: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
}

/** All values together (kubernetes.io/docs/concepts/configuration/secret, "Restriction on data size"). */
const largest = 1 << 20;

/** Throws `LeaseError` `invalid` where no Secret can hold these; it names the key, never the value. */
export function contentOf(
  material: Material,
  { keys, secretType, labels, annotations }: SecretContent,
  sequence: number,
): Fields {
  const entries = entriesOf(material, { keys });
  const wrong = (words: string) => new LeaseError('invalid', words);
  let size = 0;
  const data = entries.map(([name, value]) => {
    const reason = unfitForSecret(name);
    if (reason !== undefined) throw wrong(`the key ${JSON.stringify(name.slice(0, 260))} cannot be written: ${reason}`);
    const bytes = Buffer.from(value);
    size += bytes.length;
    return [name, bytes.toString('base64')] as const;
  });
  if (size > largest)
    throw wrong(`the values take ${size} bytes, and a Secret at most ${largest}: choose some by keys:`);
  const names = entries.map(([name]) => name);
  const missing = lacking(secretType, names);
  if (missing !== undefined) throw wrong(missing);
  return {
    type: secretType,
    data: Object.fromEntries(data),
    labels: { ...labels, [managedBy]: us },
    annotations: { ...annotations, [sequenceAt]: String(sequence) },
  };
}

export interface Marking {
  of(fields: Fields): string;
  isOf(mark: string, fields: Fields): boolean;
}

/** `key`: see `SinkDeps`. A mark tells other options as well, so that a change of them makes the sink owe. */
export function markingOf(content: SecretContent, key: Buffer): Marking {
  const { keys, secretType, labels, annotations } = content;
  const chosen = keys === 'all' ? keys : Object.entries(keys).sort();
  const shape = createHash('sha256')
    .update(JSON.stringify([chosen, secretType, Object.entries(labels).sort(), Object.entries(annotations).sort()]))
    .digest('base64url')
    .slice(0, 12);
  const of = (fields: Fields): string => {
    const maps = [fields.data, fields.labels, fields.annotations].map((map) => Object.entries(map).sort());
    const digest = createHmac('sha256', key).update(JSON.stringify([fields.type, ...maps]));
    return `${shape}.${digest.digest('base64url')}`;
  };
  return {
    of,
    isOf(mark, fields) {
      const [a, b] = [Buffer.from(mark), Buffer.from(of(fields))];
      return a.length === b.length && timingSafeEqual(a, b);
    },
  };
}
