/** A Secret as the API tells of it: what is there, who manages which of its fields, and which of them are ours. */
import { z } from 'zod';
import { jsonMap } from '../../http/json-map.ts';
import { managedBy, sequenceAt, us } from './names.ts';

/** Only what we use; the values stay in base64, as they travel. */
export const secretShape = z.object({
  metadata: z.object({
    uid: z.string().min(1),
    resourceVersion: z.string().min(1),
    labels: z.record(z.string(), z.string()).default({}),
    annotations: z.record(z.string(), z.string()).default({}),
    deletionTimestamp: z.string().optional(),
    managedFields: z
      .array(
        z.object({
          manager: z.string().default(''),
          operation: z.string().default(''),
          subresource: z.string().optional(),
          fieldsV1: z.record(z.string(), z.unknown()).default({}),
        }),
      )
      .default([]),
  }),
  type: z.string().default('Opaque'),
  data: jsonMap(z.string().nullable()).default({}),
  immutable: z.boolean().nullish(),
});

export type FoundSecret = z.output<typeof secretShape>;
type Manager = FoundSecret['metadata']['managedFields'][number];

/** The fields of a Secret that somebody manages. */
export interface Fields {
  readonly type?: string | undefined;
  readonly data: Readonly<Record<string, string>>;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
}

const isUs = ({ manager, operation, subresource }: Manager): boolean =>
  manager === us && operation === 'Apply' && subresource === undefined;

/**
 * The names below a map that this manager has. `managedFields` spells `data.key` as `f:data: { f:key: {} }`
 * (kubernetes.io/docs/reference/using-api/server-side-apply, "Field management").
 */
function namesOf({ fieldsV1 }: Manager, ...path: readonly string[]): readonly string[] {
  let at: unknown = fieldsV1;
  for (const step of path) at = (at as Record<string, unknown> | undefined)?.[`f:${step}`];
  if (typeof at !== 'object' || at === null) return [];
  return Object.keys(at).flatMap((name) => (name.startsWith('f:') ? [name.slice(2)] : []));
}

/** All fields of a manager, spelt as the causes of a conflict spell them: `.data.key`. */
const pathsOf = (manager: Manager): readonly string[] => [
  ...namesOf(manager, 'data').map((key) => `.data.${key}`),
  ...namesOf(manager, 'metadata', 'labels').map((key) => `.metadata.labels.${key}`),
  ...namesOf(manager, 'metadata', 'annotations').map((key) => `.metadata.annotations.${key}`),
  ...namesOf(manager).map((field) => `.${field}`),
];

const pick = (all: Readonly<Record<string, string | null>>, names: readonly string[]): Record<string, string> =>
  Object.fromEntries(
    names.flatMap((name) => {
      const value = Object.hasOwn(all, name) ? all[name] : undefined;
      return typeof value === 'string' ? [[name, value]] : [];
    }),
  );

/** What is there of ours. What somebody else has changed is his, and what was taken away is nobody's. */
export function ownFields({ metadata, type, data }: FoundSecret): Fields {
  const own = metadata.managedFields.find(isUs);
  if (!own) return { data: {}, labels: {}, annotations: {} };
  return {
    type: namesOf(own).includes('type') ? type : undefined,
    data: pick(data, namesOf(own, 'data')),
    labels: pick(metadata.labels, namesOf(own, 'metadata', 'labels')),
    annotations: pick(metadata.annotations, namesOf(own, 'metadata', 'annotations')),
  };
}

/** Ours by its label or by a value that we manage; or nobody's, since there is no value in it. */
export const isOursOrEmpty = (secret: FoundSecret): boolean => isOurs(secret) || Object.keys(secret.data).length === 0;

export const isOurs = (secret: FoundSecret): boolean =>
  secret.metadata.labels[managedBy] === us || Object.keys(ownFields(secret).data).length > 0;

/** The number of the values that are there. Absent: none that we could have written. */
export function sequenceIn({ metadata }: FoundSecret): number | undefined {
  const text = metadata.annotations[sequenceAt] ?? '';
  return /^\d{1,15}$/.test(text) ? Number(text) : undefined;
}

/** A person has changed it by hand with kubectl: that is drift, and no manager who would come back to it. */
const byHand = /^kubectl-(edit|patch|replace|create|set|label|annotate)$/;
const isByHand = ({ manager, operation }: Manager): boolean => operation === 'Update' && byHand.test(manager);

export interface Rivals {
  /** Managers who would come back to it, by name. */
  readonly managers: readonly string[];
  /** Some of the fields were changed by a person. */
  readonly isByHand: boolean;
}

/** Who besides us has any of these fields. */
export function rivalsFor(fields: readonly string[], { metadata }: FoundSecret): Rivals {
  const rivals = metadata.managedFields.filter(
    (one) => !isUs(one) && pathsOf(one).some((path) => fields.includes(path)),
  );
  const managers = rivals.filter((one) => !isByHand(one)).map(({ manager }) => shown(manager));
  return { managers: [...new Set(managers)], isByHand: rivals.some(isByHand) };
}

/** Has somebody else put values into it? */
export const isShared = ({ metadata }: FoundSecret): boolean =>
  metadata.managedFields.some((one) => !isUs(one) && namesOf(one, 'data').length > 0);

/** Any client chooses its own name. */
const shown = (manager: string): string => (/^[\x20-\x7e]{1,60}$/.test(manager) ? manager : 'one with a strange name');
