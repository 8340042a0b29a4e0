/** What others do to the static secrets of the sandbox: people in the console, and Infisical's own rotations. */
import { placeOf } from './furnish.ts';
import type { Place } from './spec.ts';
import { createSecret, put } from './static-secrets.ts';
import type { Identity, StaticSecret, World } from './world.ts';

/** Places are optional as in the description: the first project, its first environment, `/`. */
export interface SecretControl {
  /** All at once: new values, of new keys too; `null` removes. Rotated ones change as by their rotation. */
  changeSecrets(values: Readonly<Record<string, string | null>>, place?: Place): void;
  /** The list comes in another order from now on. */
  reorderSecrets(): void;
  /** Changes there have to be approved of, or need not any more. */
  requireApproval(isRequired: boolean, place?: Place): void;
  /** All that waits for approval is done, or thrown away. Answers with how much that was. */
  decideApprovals(isGranted: boolean): number;
  /** What is there now: the judge's question. */
  secretsIn(place?: Place): Readonly<Record<string, string>>;
  /** All that it ever was, the first version first. */
  valuesOf(key: string, place?: Place): readonly string[];
}

export function secretControl(world: World): SecretControl {
  const secretsAt = (place: Place) => {
    const { project, environment, path } = placeOf(world, place);
    const isThere = (one: StaticSecret) => one.environment === environment && one.path === path;
    return { project, environment, path, secrets: project.secrets.filter(isThere) };
  };
  return {
    changeSecrets(values, place = {}) {
      const { project, environment, path, secrets } = secretsAt(place);
      const somebody = { access: new Map([[project.slug, new Set(['edit-secret'])]]) } as unknown as Identity;
      const at = { workspaceId: project.id, environment, secretPath: path };
      for (const [secretKey, value] of Object.entries(values)) {
        const secret = secrets.find(({ key }) => key === secretKey);
        if (value === null && secret) project.secrets.splice(project.secrets.indexOf(secret), 1);
        else if (value !== null && secret) put(world, secret, value);
        else if (value !== null) createSecret(world, somebody, at, { secretKey, secretValue: value });
      }
      world.changed();
    },
    reorderSecrets() {
      for (const project of world.projects.values()) project.secrets.reverse();
    },
    requireApproval(isRequired, place = {}) {
      const { project, environment, path } = placeOf(world, place);
      const { policies } = project.approvals;
      if (isRequired) policies.push({ environment, path });
      else policies.length = 0;
    },
    decideApprovals(isGranted) {
      const pending = [...world.projects.values()].flatMap(({ approvals }) => approvals.pending.splice(0));
      if (isGranted) for (const { apply } of pending) apply();
      world.changed();
      return pending.length;
    },
    valuesOf: (wanted, place = {}) => [...(secretsAt(place).secrets.find(({ key }) => key === wanted)?.values ?? [])],
    secretsIn: (place = {}) => Object.fromEntries(secretsAt(place).secrets.map(({ key, value }) => [key, value])),
  };
}
