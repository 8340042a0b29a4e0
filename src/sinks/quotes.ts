/** Values between quotes, so that a shell, JSON or YAML reads back exactly what they were. */

/**
 * Quoted so that a shell reads it right, and wherever they agree Node's own parser (`--env-file`, `parseEnv`) as well.
 * They do not for a carriage return, nor for a single quote beside one of " $ ` or \: such a value is for the shell.
 * Between double quotes bash loses a DEL after a backslash.
 */
export const inShellQuotes = (value: string): string =>
  value.includes("'") && !/["$`\r]|\\(?:[n\\\n\x7f]|$)/.test(value)
    ? `"${value}"`
    : `'${value.replaceAll("'", `'\\''`)}'`;

/**
 * As JSON. So that it is also right in every version of YAML, what some of them take for a line break or do not take
 * at all is escaped, which JSON takes as well.
 */
export const asJson = (value: unknown): string =>
  JSON.stringify(value).replace(
    /[\u007f-\u009f\u2028\u2029\ufeff\ufffe\uffff]/g,
    (odd) => `\\u${odd.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );

/** Written as UTF-8, half of a surrogate pair would become another character. */
export const isWellFormed = (text: string): boolean => !/\p{Surrogate}/u.test(text);
