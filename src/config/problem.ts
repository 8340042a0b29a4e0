/** What is wrong with a configuration, where it is written, and what to do about it. */

/** From the top of the file: keys, and positions in a list. */
export type Path = readonly (string | number)[];

/** Both count from one. */
export interface Place {
  readonly line: number;
  readonly column: number;
}

/** One mistake. Neither text ever contains a value of the file that could be a credential. */
export interface Finding extends Place {
  readonly path: Path;
  readonly message: string;
  /** What to do about it. */
  readonly remedy?: string;
}

/** A finding as it is told to people. */
export interface Problem extends Place {
  readonly file: string;
  /** `secrets.orders-db.sinks[0].mode`; empty for the file as a whole. */
  readonly path: string;
  readonly message: string;
  readonly remedy?: string;
}

export const finding = (place: Place, path: Path, message: string, remedy?: string): Finding => ({
  line: place.line,
  column: place.column,
  path,
  message,
  ...(remedy !== undefined && { remedy }),
});

export const sayPath = (path: Path): string =>
  path.reduce<string>(
    (said, step) => (typeof step === 'number' ? `${said}[${step}]` : said === '' ? step : `${said}.${step}`),
    '',
  );

/** In the order in which they are written; a part that is used twice is complained about once. */
export function problemsOf(file: string, findings: readonly Finding[]): readonly Problem[] {
  const problems = new Map<string, Problem>();
  for (const { path, ...rest } of findings) {
    const key = JSON.stringify([rest.line, rest.column, path, rest.message]);
    if (!problems.has(key)) problems.set(key, { file, ...rest, path: sayPath(path) });
  }
  return [...problems.values()].sort((a, b) => a.line - b.line || a.column - b.column);
}
