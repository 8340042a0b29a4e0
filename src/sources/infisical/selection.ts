/** Which values a list of static secrets comes to, or why it comes to none that may be given out. Contract 7.1. */
import { LeaseError } from '../../core/failure.ts';
import type { SecretList, SecretRow } from './answers.ts';

export interface Selection {
  /** Only these, and all of these. Absent: whatever is there. */
  readonly names?: readonly string[] | undefined;
  readonly allowEmpty: boolean;
}

/**
 * By their keys, in the order of these: that of the list means nothing. What lies in the folder wins over what is
 * imported, and of imports the last. Throws `LeaseError` `invalid` where something is hidden, missing or ambiguous, or
 * where there is nothing at all: what was given out before stays.
 */
export function selected(list: SecretList, { names, allowEmpty }: Selection, where: string): readonly SecretRow[] {
  const isWanted = ({ secretKey, type }: SecretRow): boolean =>
    type !== 'personal' && (names?.includes(secretKey) ?? true);
  const rows = new Map<string, SecretRow>();
  for (const row of list.imports.flatMap(({ secrets }) => secrets).filter(isWanted)) rows.set(row.secretKey, row);
  for (const row of unambiguous(list.secrets.filter(isWanted), where)) rows.set(row.secretKey, row);
  const found = [...rows.values()].sort((a, b) => (a.secretKey < b.secretKey ? -1 : 1));

  if ([list, ...list.imports].every(({ secrets }) => secrets.length === 0)) {
    if (allowEmpty) return [];
    throw unfit(
      `there is nothing in ${where}, which is also what the server says of an environment or a folder that does not` +
        ' exist: correct the name, or write allowEmpty: true',
    );
  }
  const missing = names?.filter((name) => !rows.has(name)) ?? [];
  if (missing.length > 0) throw unfit(`there is no ${listed(missing)} in ${where}: make it, or take it out of names`);
  const hidden = found.filter(({ secretValueHidden }) => secretValueHidden === true);
  if (hidden.length > 0) {
    const keys = listed(hidden.map(({ secretKey }) => secretKey));
    throw unfit(`the server hides ${keys} of ${where}: the identity needs the permission "readValue"`);
  }
  if (found.length === 0 && !allowEmpty) {
    throw unfit(`nothing in ${where} is for everybody: write allowEmpty: true where that is meant`);
  }
  return found;
}

/** Which of two that lie in two folders is meant nobody has said. */
function unambiguous(rows: readonly SecretRow[], where: string): readonly SecretRow[] {
  const first = new Map<string, SecretRow>();
  for (const row of rows) {
    const other = first.get(row.secretKey);
    if (other && other.secretValue !== row.secretValue) {
      const folders = [...new Set([other, row].map(({ secretPath }) => secretPath ?? '?'))].sort().join(' and in ');
      throw unfit(
        `${listed([row.secretKey])} is in ${folders}, below ${where}, with two values: take one of the folders by` +
          ' secretPath, or leave it out by names',
      );
    }
    if (!other) first.set(row.secretKey, row);
  }
  return [...first.values()];
}

const most = 5;

const listed = (keys: readonly string[]): string =>
  keys
    .slice(0, most)
    .map((key) => JSON.stringify(key))
    .join(', ') + (keys.length > most ? ` and ${keys.length - most} more` : '');

/** Only a person can help; and to ask whether somebody has costs nothing. */
export const unfit = (why: string): LeaseError => new LeaseError('invalid', why, { passing: true });
