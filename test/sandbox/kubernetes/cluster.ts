/** What is in the cluster: namespaces, Secrets, workloads, and who may do what. */
import { randomUUID } from 'node:crypto';
import { apply, type Leaves, type Managed, managedFields, pathTo, stepsOf, update } from './fields.ts';
import { allows, demand, everything, type Rule, type Wish } from './rights.ts';
import { type Said, secretIn, validate } from './secrets.ts';
import { modified, notFound, Refused } from './status.ts';

interface SecretObject {
  readonly uid: string;
  readonly resourceVersion: string;
  readonly created: string;
  readonly managed: Managed;
  readonly isBeingDeleted: boolean;
}

export interface Workload {
  readonly uid: string;
  /** Grows with each change of its specification: so often its pods were replaced, and once more. */
  readonly generation: number;
  readonly annotations: Readonly<Record<string, string>>;
}

export interface User {
  readonly name: string;
  readonly rules: readonly Rule[];
}

export interface Spot {
  readonly namespace: string;
  readonly name: string;
}

export interface How {
  readonly manager: string;
  readonly force?: boolean;
  readonly dryRun?: boolean;
}

const nothing: Managed = { leaves: new Map(), entries: [] };

export class Cluster {
  readonly namespaces = new Set<string>();
  /** By what proves it: a token, or the name in a certificate. */
  readonly users = new Map<string, User>();
  readonly #secrets = new Map<string, SecretObject>();
  readonly #workloads = new Map<string, Workload>();
  #version = 1000;

  /** `namespace/name` of every Secret. */
  names = (): readonly string[] => [...this.#secrets.keys()];

  /** As it is answered. */
  secret({ namespace, name }: Spot): Record<string, unknown> | undefined {
    const found = this.#secrets.get(`${namespace}/${name}`);
    return found && answerOf({ namespace, name }, found);
  }

  get(spot: Spot): Record<string, unknown> {
    const found = this.secret(spot);
    if (!found) throw notFound('secrets', spot.name);
    return found;
  }

  /** Throws `Refused`, as all of these do, and then nothing has changed. */
  applySecret(spot: Spot, body: unknown, { manager, force = false, dryRun = false }: How, user: User) {
    const said = secretIn(body, spot);
    const live = this.#secrets.get(`${spot.namespace}/${spot.name}`);
    if (!live) {
      // "And also needs the create verb permission in order to create new resources with Server-Side Apply."
      demand(user.rules, { verb: 'create', group: '', resource: 'secrets', ...spot }, user.name);
      if (said.uid !== undefined) throw modified('secrets', spot.name, 'uid mismatch: no existing object was found');
    }
    const time = timeNow();
    const managed = apply(live?.managed ?? nothing, said.leaves, { manager, force, time });
    return this.#put(spot, { said, live, managed, dryRun });
  }

  /** As `PATCH` with a merge patch, or any other write that is no apply: what is `null` goes. */
  mergeSecret(spot: Spot, body: Record<string, unknown>, { manager, dryRun = false }: How) {
    const live = this.#secrets.get(`${spot.namespace}/${spot.name}`);
    if (!live) throw notFound('secrets', spot.name);
    const leaves = new Map(live.managed.leaves);
    const merge = (part: unknown, path: readonly string[]) => {
      for (const [key, value] of Object.entries(part as Record<string, unknown>)) {
        if (value !== null && typeof value === 'object') merge(value, [...path, key]);
        else if (value === null) leaves.delete(pathTo(...path, key));
        else leaves.set(pathTo(...path, key), value);
      }
    };
    merge(body, []);
    return this.#put(spot, {
      said: { leaves },
      live,
      managed: update(live.managed, leaves, { manager, time: timeNow() }),
      dryRun,
    });
  }

  createSecret({ namespace }: Pick<Spot, 'namespace'>, body: unknown, { manager, dryRun = false }: How) {
    const said = secretIn(body, { namespace });
    const spot = { namespace, name: said.name ?? '' };
    if (this.#secrets.has(`${namespace}/${spot.name}`)) {
      throw new Refused(409, 'AlreadyExists', `secrets "${spot.name}" already exists`, {
        name: spot.name,
        kind: 'secrets',
      });
    }
    const managed = update(nothing, said.leaves, { manager, time: timeNow() });
    return this.#put(spot, { said, live: undefined, managed, dryRun });
  }

  deleteSecret(spot: Spot, preconditions: { readonly uid?: string; readonly resourceVersion?: string } = {}): void {
    const live = this.#secrets.get(`${spot.namespace}/${spot.name}`);
    if (!live) throw notFound('secrets', spot.name);
    for (const [what, wanted] of Object.entries(preconditions)) {
      const is = live[what as keyof typeof preconditions];
      if (wanted !== is)
        throw modified('secrets', spot.name, `Precondition failed: ${what} in precondition: ${wanted}, ${is}`);
    }
    this.#secrets.delete(`${spot.namespace}/${spot.name}`);
  }

  /** A finalizer keeps it. */
  beginDeletion({ namespace, name }: Spot): void {
    const live = this.#secrets.get(`${namespace}/${name}`);
    if (live) this.#secrets.set(`${namespace}/${name}`, { ...live, isBeingDeleted: true });
  }

  /** "This will result in the managedFields being stripped entirely from the object." */
  stripManagers({ namespace, name }: Spot): void {
    const live = this.#secrets.get(`${namespace}/${name}`);
    if (live) this.#secrets.set(`${namespace}/${name}`, { ...live, managed: { ...live.managed, entries: [] } });
  }

  addWorkload(resource: string, { namespace, name }: Spot): void {
    this.#workloads.set(`${resource}/${namespace}/${name}`, { uid: randomUUID(), generation: 1, annotations: {} });
  }

  workload(resource: string, { namespace, name }: Spot): Workload {
    const found = this.#workloads.get(`${resource}/${namespace}/${name}`);
    if (!found) throw notFound(resource, name);
    return found;
  }

  /** Only what changes has the pods replaced. */
  annotateTemplate(resource: string, { namespace, name }: Spot, changes: Readonly<Record<string, string | null>>) {
    const live = this.workload(resource, { namespace, name });
    const annotations: Record<string, string> = { ...live.annotations };
    for (const [key, value] of Object.entries(changes)) {
      if (value === null) delete annotations[key];
      else annotations[key] = value;
    }
    const isSame = JSON.stringify(Object.entries(annotations)) === JSON.stringify(Object.entries(live.annotations));
    const next = isSame ? live : { ...live, annotations, generation: live.generation + 1 };
    this.#workloads.set(`${resource}/${namespace}/${name}`, next);
    return next;
  }

  mayDo = (user: User, wish: Wish): boolean => allows(user.rules, wish);

  /** Somebody with all rights. */
  readonly root: User = { name: 'root', rules: everything };

  #put(
    spot: Spot,
    { said, live, managed, dryRun }: { said: Said; live: SecretObject | undefined; managed: Managed; dryRun: boolean },
  ) {
    if (!this.namespaces.has(spot.namespace)) throw notFound('namespaces', spot.namespace);
    if (said.resourceVersion !== undefined && said.resourceVersion !== live?.resourceVersion) {
      throw modified('secrets', spot.name);
    }
    // The default of a field that nobody wants any more.
    const leaves = new Map([[pathTo('type'), 'Opaque' as unknown], ...managed.leaves]);
    validate(spot.name, leaves, live?.managed.leaves);
    const next = { leaves, entries: managed.entries };
    const isSame = live !== undefined && textOf(live.managed) === textOf(next);
    const object: SecretObject = isSame
      ? live
      : {
          uid: live?.uid ?? randomUUID(),
          created: live?.created ?? timeNow(),
          isBeingDeleted: live?.isBeingDeleted ?? false,
          resourceVersion: String(dryRun ? this.#version : ++this.#version),
          managed: next,
        };
    if (!dryRun) this.#secrets.set(`${spot.namespace}/${spot.name}`, object);
    return { object: answerOf(spot, object), isNew: live === undefined };
  }
}

const timeNow = (): string => new Date().toISOString().replace(/\.\d+Z$/, 'Z');

const textOf = ({ leaves, entries }: Managed): string =>
  JSON.stringify([[...leaves].sort(), entries.map(({ fields, ...entry }) => [entry, [...fields].sort()])]);

function answerOf({ namespace, name }: Spot, { uid, resourceVersion, created, managed, isBeingDeleted }: SecretObject) {
  const metadata: Record<string, unknown> = {
    name,
    namespace,
    uid,
    resourceVersion,
    creationTimestamp: created,
    ...(isBeingDeleted && { deletionTimestamp: created }),
  };
  const object = { kind: 'Secret', apiVersion: 'v1', metadata, ...treeOf(managed.leaves, metadata) };
  if (managed.entries.length > 0) metadata['managedFields'] = managedFields(managed.entries);
  return object;
}

/** Labels and annotations are put into `metadata`. */
function treeOf(leaves: Leaves, metadata: Record<string, unknown>): Record<string, unknown> {
  const top: Record<string, unknown> = {};
  for (const [path, value] of leaves) {
    const [first = '', second = '', ...rest] = stepsOf(path);
    const [holder, map, key] =
      first === 'metadata'
        ? [metadata, second, rest.join('')]
        : second === ''
          ? [top, '', first]
          : [top, first, second];
    if (map === '') holder[key] = value;
    else holder[map] = { ...(holder[map] as object | undefined), [key]: value };
  }
  return top;
}
