/** Static secrets as the server shows them: each kind of answer with fields of its own (contract 7.1). */
import { asDate } from './shapes.ts';
import type { Project, StaticSecret } from './world.ts';

export const hiddenValue = '<hidden-by-infisical>';

/** How a secret is to be shown. */
export interface Shown {
  readonly project: Project;
  readonly secret: StaticSecret;
  /** Absent: it is hidden. */
  readonly value: string | undefined;
}

const head = ({ project, secret, value }: Shown) => ({
  id: secret.id,
  _id: secret.id,
  workspace: project.id,
  environment: secret.environment,
  version: secret.version,
  type: 'shared',
  secretKey: secret.key,
  secretValue: value ?? hiddenValue,
  secretComment: secret.comment,
});

const reminders = { secretReminderNote: null, secretReminderRepeatDays: null };
const dates = ({ secret }: Shown) => ({ createdAt: asDate(secret.createdAt), updatedAt: asDate(secret.updatedAt) });
const rotation = ({ secret }: Shown) => ({
  isRotatedSecret: secret.rotation !== undefined,
  rotationId: secret.rotation ?? null,
});

/** In an answer to a change. */
export const showChanged = (shown: Shown) => ({
  ...head(shown),
  ...reminders,
  skipMultilineEncoding: false,
  ...dates(shown),
  ...rotation(shown),
  secretValueHidden: shown.value === undefined,
});

export function showDeleted(shown: Shown) {
  const { isRotatedSecret: _, rotationId: __, ...rest } = showChanged(shown);
  return rest;
}

export const showListed = (shown: Shown) => ({
  ...head(shown),
  ...reminders,
  skipMultilineEncoding: false,
  ...dates(shown),
  ...rotation(shown),
  secretPath: shown.secret.path,
  secretValueHidden: shown.value === undefined,
  secretMetadata: [],
  tags: [],
});

/** By its name. Whether it is rotated is told only where it is imported. */
export const showOne = (shown: Shown, isImported: boolean) => ({
  ...head(shown),
  ...reminders,
  skipMultilineEncoding: false,
  ...dates(shown),
  ...(isImported && rotation(shown)),
  secretValueHidden: shown.value === undefined,
  tags: [],
  secretMetadata: [],
});

/** Among the imports of a list: without dates, and of no project. */
export const showImported = (shown: Shown) => ({
  ...head(shown),
  workspace: '',
  skipMultilineEncoding: false,
  ...rotation(shown),
  secretValueHidden: shown.value === undefined,
  secretMetadata: [],
});
