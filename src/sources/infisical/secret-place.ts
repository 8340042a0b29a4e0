/** The calls to the static secrets of one folder of Infisical. Contract 7.1 to 7.3. */
import { LeaseError } from '../../core/failure.ts';
import { read } from '../read-answer.ts';
import { type SecretList, type SecretRow, secretChangeAnswer, secretListAnswer } from './answers.ts';
import type { Asking } from './client.ts';
import { isNoRoute, type Meaning } from './failures.ts';

/** Which secrets, and how they are shown. */
export interface SecretPlace {
  /** The project's slug: what its id is given in place of. */
  readonly project?: string | undefined;
  readonly projectId?: string | undefined;
  readonly environment: string;
  readonly secretPath: string;
  readonly recursive: boolean;
  readonly imports: boolean;
  readonly expandReferences: boolean;
}

/** What the server listed, and what it calls that. */
export interface Listed {
  readonly list: SecretList;
  readonly etag?: string | undefined;
}

export interface SecretCalls {
  /** All of the folder in one answer. The same object as `known` where nothing has changed since. */
  list(known: Listed | undefined, signal: AbortSignal): Promise<Listed>;
  /** Throws also where nothing was changed. `'approval'`: others have to approve of it first, nothing has changed yet. */
  change(row: SecretRow, value: string, signal: AbortSignal): Promise<'changed' | 'approval'>;
}

/** Of one server: which of its interfaces it has. */
export interface Interfaces {
  /** It has said that it has none of `v4`. */
  isOld: boolean;
}

const paths = { v3: '/api/v3/secrets/raw', v4: '/api/v4/secrets' } as const;

/** A folder holds more than other answers do: some thousands of secrets. */
const longestList = 4 << 20;

export const placeInWords = ({ project, projectId, environment, secretPath }: SecretPlace): string =>
  `project ${project ?? projectId}, environment ${environment}, path ${secretPath}`;

export function secretCalls(client: Asking, place: SecretPlace, interfaces: Interfaces): SecretCalls {
  const where = placeInWords(place);
  const listing: Meaning = {
    what: `listing the secrets of ${where}`,
    codes: {},
    where: `project ${place.project ?? place.projectId}: correct it, or let the identity into the project`,
    needs: `the identity needs the permission "readValue" on every secret there: one that is not to be read spoils the list`,
    isEffectful: false,
  };

  /** The newer interface knows projects by their ids alone. */
  const versions = (): readonly (keyof typeof paths)[] =>
    place.projectId === undefined ? ['v3'] : interfaces.isOld ? ['v3', 'v4'] : ['v4', 'v3'];

  async function ask(version: keyof typeof paths, known: Listed | undefined, signal: AbortSignal) {
    const etag = known?.etag?.replace(/^W\//, '');
    return client.withToken({
      operation: 'secret-list',
      method: 'GET',
      path: `${paths[version]}?${queryOf(version, place)}`,
      ...(etag !== undefined && { headers: { 'if-none-match': etag } }),
      meaning: listing,
      takes: (answer) => isNoRoute(answer) || (etag !== undefined && answer.status === 304),
      longestAnswer: longestList,
      signal,
    });
  }

  return {
    async list(known, signal) {
      for (const version of versions()) {
        const answer = await ask(version, known, signal).catch(askAgain);
        // Known from here on: the other one may not be asked just now, and this one has used up what may.
        if (isNoRoute(answer)) {
          interfaces.isOld = version === 'v4';
          continue;
        }
        interfaces.isOld = version === 'v3' && place.projectId !== undefined;
        if (known && answer.status === 304) return known;
        return { list: read(answer, secretListAnswer, false), etag: answer.etag };
      }
      const remedy = place.projectId === undefined ? 'write projectId in the place of project' : 'correct the url';
      throw new LeaseError('invalid', `${listing.what}: this server has no such endpoint; ${remedy}`, {
        passing: true,
      });
    },

    async change(row, value, signal) {
      const version = place.projectId === undefined || interfaces.isOld ? 'v3' : 'v4';
      const project = place.projectId ?? row.workspace ?? '';
      const asked = client.withToken({
        operation: 'secret-change',
        method: 'PATCH',
        path: `${paths[version]}/${encodeURIComponent(row.secretKey)}`,
        body: {
          ...(version === 'v3' ? { workspaceId: project } : { projectId: project }),
          environment: place.environment,
          secretPath: place.secretPath,
          secretValue: value,
          type: 'shared',
        },
        meaning: {
          what: `changing ${row.secretKey} in ${where}`,
          codes: {},
          where,
          needs: `the identity needs the permission "edit" on that secret`,
          isEffectful: true,
        },
        signal,
      });
      const answer = await asked.catch(askAgain);
      return 'approval' in read(answer, secretChangeAnswer, true) ? 'approval' : 'changed';
    },
  };
}

/**
 * To ask costs nothing, and somebody may put it right at any time. Who may not change one of them goes on to follow the
 * others, by the same act.
 */
function askAgain(error: unknown): never {
  if (!(error instanceof LeaseError) || error.code !== 'invalid') throw error;
  throw new LeaseError('invalid', error.message, { passing: true, cause: error });
}

/** Only what is not the server's default. Numbers or other words than these two would be rejected. */
function queryOf(version: keyof typeof paths, place: SecretPlace): string {
  const { project = '', projectId, environment, secretPath, recursive, imports, expandReferences } = place;
  const byId: Readonly<Record<string, string>> =
    version === 'v4' ? { projectId: projectId ?? '' } : { workspaceId: projectId ?? '' };
  return new URLSearchParams({
    ...(projectId === undefined ? { workspaceSlug: project } : byId),
    environment,
    secretPath,
    ...(imports && { include_imports: 'true' }),
    ...(expandReferences && { expandSecretReferences: 'true' }),
    ...(recursive && { recursive: 'true' }),
  }).toString();
}
