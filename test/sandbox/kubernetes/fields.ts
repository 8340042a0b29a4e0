/**
 * Who manages which field: server-side apply and all other writes, as the documentation has it
 * (kubernetes.io/docs/reference/using-api/server-side-apply) for an object whose fields are texts and maps of texts.
 */
import { type Cause, Refused } from './status.ts';

/** Fields by their path, the steps joined by a character that no key may contain. */
export type Leaves = ReadonlyMap<string, unknown>;

export const pathTo = (...steps: readonly string[]): string => steps.join('\n');
export const stepsOf = (path: string): readonly string[] => path.split('\n');

export interface Entry {
  readonly manager: string;
  readonly operation: 'Apply' | 'Update';
  readonly time: string;
  readonly fields: ReadonlySet<string>;
}

export interface Managed {
  readonly leaves: Leaves;
  readonly entries: readonly Entry[];
}

interface By {
  readonly manager: string;
  readonly time: string;
}

const isOf = (manager: string, operation: Entry['operation']) => (entry: Entry) =>
  entry.manager === manager && entry.operation === operation;

const without = (entry: Entry, paths: ReadonlySet<string>): Entry => ({
  ...entry,
  fields: new Set([...entry.fields].filter((path) => !paths.has(path))),
});

/** Whoever manages nothing is forgotten. Who had the same fields before keeps the time of then. */
function settled(before: readonly Entry[], after: readonly Entry[]): readonly Entry[] {
  return after
    .filter(({ fields }) => fields.size > 0)
    .map((entry) => {
      const former = before.find(isOf(entry.manager, entry.operation));
      const isSame =
        former?.fields.size === entry.fields.size && [...entry.fields].every((path) => former.fields.has(path));
      return isSame && former ? former : entry;
    });
}

/**
 * "Conflicts": a field of another value that another manager has. Forced, it is taken from them. What this manager
 * applied before and does not any more is removed, unless somebody else manages it as well ("Field management").
 */
export function apply(
  live: Managed,
  wanted: Leaves,
  { manager, time, force }: By & { readonly force: boolean },
): Managed {
  const isOwn = isOf(manager, 'Apply');
  const others = live.entries.filter((entry) => !isOwn(entry));
  const conflicts = others.flatMap((entry) =>
    [...wanted].flatMap(([path, value]) =>
      entry.fields.has(path) && live.leaves.get(path) !== value ? [{ entry, path }] : [],
    ),
  );
  if (conflicts.length > 0 && !force) throw conflict(conflicts);
  const taken = new Set(conflicts.map(({ path }) => path));
  const left = others.map((entry) => without(entry, taken));
  const leaves = new Map(live.leaves);
  for (const path of live.entries.find(isOwn)?.fields ?? []) {
    if (!wanted.has(path) && !left.some(({ fields }) => fields.has(path))) leaves.delete(path);
  }
  for (const [path, value] of wanted) leaves.set(path, value);
  const own: Entry = { manager, operation: 'Apply', time, fields: new Set(wanted.keys()) };
  return { leaves, entries: settled(live.entries, [...left, own]) };
}

/** "By contrast, if you make a change using update that would affect a managed field, a conflict never provokes failure": what changes moves to who changed it. */
export function update(live: Managed, leaves: Leaves, { manager, time }: By): Managed {
  const isOwn = isOf(manager, 'Update');
  const changed = [...leaves].flatMap(([path, value]) => (live.leaves.get(path) === value ? [] : [path]));
  const gone = [...live.leaves.keys()].filter((path) => !leaves.has(path));
  const lost = new Set([...changed, ...gone]);
  const left = live.entries.filter((entry) => !isOwn(entry)).map((entry) => without(entry, lost));
  const kept = [...(live.entries.find(isOwn)?.fields ?? [])].filter((path) => !gone.includes(path));
  const own: Entry = { manager, operation: 'Update', time, fields: new Set([...kept, ...changed]) };
  return { leaves, entries: settled(live.entries, [...left, own]) };
}

function conflict(conflicts: readonly { readonly entry: Entry; readonly path: string }[]): Refused {
  const causes = conflicts.map(({ entry, path }): Cause => {
    const when = entry.operation === 'Update' ? ` using v1 at ${entry.time}` : '';
    const field = `.${stepsOf(path).join('.')}`;
    return { reason: 'FieldManagerConflict', message: `conflict with ${JSON.stringify(entry.manager)}${when}`, field };
  });
  const all = causes.map(({ message, field }) => `${message}: ${field}`).join('\n');
  return new Refused(409, 'Conflict', `Apply failed with ${causes.length} conflicts: ${all}`, { causes });
}

/** `managedFields` as it is answered: `f:` before each name, and `.` where a map is managed as such. */
export const managedFields = (entries: readonly Entry[]) =>
  entries.map(({ manager, operation, time, fields }) => ({
    manager,
    operation,
    apiVersion: 'v1',
    time,
    fieldsType: 'FieldsV1',
    fieldsV1: treeOf(fields, operation === 'Update'),
  }));

function treeOf(fields: ReadonlySet<string>, withMaps: boolean): object {
  const root: Record<string, unknown> = {};
  for (const path of [...fields].sort()) {
    let at = root;
    for (const [i, step] of stepsOf(path).entries()) {
      if (withMaps && i > 0) at['.'] = {};
      at[`f:${step}`] ??= {};
      at = at[`f:${step}`] as Record<string, unknown>;
    }
  }
  return root;
}
