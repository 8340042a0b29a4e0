/** Brings two answers of Lockbox or IAM to a form in which they must be equal: what is random becomes its kind. */

/** Values that differ from one server or second to the next, and texts that nobody has written down, by their key. */
const kinds: Readonly<Record<string, string>> = {
  iamToken: '<token>',
  access_token: '<token>',
  expires_in: '<seconds>',
  // With as many digits as the server likes.
  expiresAt: '<date>',
  address: '<address>',
  message: '<message>',
  subject: '<text>',
  requestId: '<request id>',
};

/** Everything else has to be equal, word for word; lists whose order means nothing are sorted. */
export function normalise(value: unknown, key = ''): unknown {
  if (kinds[key] !== undefined) return kinds[key];
  if (Array.isArray(value)) return sorted(value.map((one) => normalise(one, key)));
  if (typeof value === 'object' && value !== null) {
    const parts = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
    // Of a violation, the description says in words what the field says by its name.
    const isViolation = 'field' in value || 'subject' in value;
    const inner = (name: string, one: unknown) =>
      isViolation && name === 'description' ? '<text>' : normalise(one, name);
    return Object.fromEntries(parts.map(([name, one]) => [name, inner(name, one)]));
  }
  if (typeof value !== 'string') return value;
  const [, digits] = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.(\d+))?Z$/.exec(value) ?? [];
  if (digits !== undefined) return `<date with ${digits.length} digits>`;
  return value.replace(/^(e6q|aje|b1g|abj)[a-z0-9]{17}$/, '<$1>');
}

const sorted = (list: readonly unknown[]): unknown[] =>
  [...list].sort((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1));

/** Without the fields that have their default, booleans excepted: both shapes print those. */
export function pruned(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(pruned);
  if (typeof value !== 'object' || value === null) return value;
  const parts = Object.entries(value).map(([name, one]) => [name, pruned(one)] as const);
  return Object.fromEntries(parts.filter(([, one]) => !isDefault(one)));
}

const isDefault = (value: unknown): boolean =>
  value === '' ||
  value === '0' ||
  value === 'STATUS_UNSPECIFIED' ||
  (typeof value === 'object' && value !== null && Object.keys(value).length === 0);

/** A list of which one server has more rows than the other, reduced to the kinds of rows in it. */
export const rowKinds = (rows: readonly unknown[]): readonly string[] =>
  [...new Set(rows.map((row) => JSON.stringify(normalise(row))))].sort();

/** Every message in an answer that lacks a field which a server that prints defaults would have printed. */
export function unprinted(value: unknown): readonly string[] {
  if (typeof value !== 'object' || value === null) return [];
  const inner = Object.values(value).flatMap(unprinted);
  const isSecret = 'folderId' in value;
  const isVersion = 'secretId' in value && 'createdAt' in value;
  const wanted = isSecret
    ? ['name', 'description', 'labels', 'kmsKeyId', 'status', 'deletionProtection']
    : isVersion
      ? ['description', 'payloadEntryKeys', 'status']
      : [];
  return [...inner, ...wanted.filter((name) => !(name in value))];
}
