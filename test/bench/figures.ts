/** Numbers for people: middles and ends of samples, and tables. */

/** What a measurement found. */
export interface Finding {
  readonly title: string;
  readonly columns: readonly string[];
  readonly rows: readonly (readonly string[])[];
  /** Under which conditions, and what it means. */
  readonly notes: readonly string[];
}

/** The value below which that share of the sample lies: the nearest rank. `NaN` of nothing. */
export function quantile(sample: readonly number[], share: number): number {
  const sorted = [...sample].sort((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? Number.NaN;
}

export const median = (sample: readonly number[]): number => quantile(sample, 0.5);

export const whole = (value: number): string => (Number.isFinite(value) ? Math.round(value).toLocaleString('en') : '–');
export const inMilliseconds = (value: number): string => `${whole(value)} ms`;
export const inSeconds = (milliseconds: number): string =>
  Number.isFinite(milliseconds) ? `${(milliseconds / 1000).toFixed(1)} s` : '–';
export const inMebibytes = (value: number): string => `${whole(value)} MiB`;

/** `0.42`, and where it was taken several times from where to where it went. */
export function ratio(values: readonly number[]): string {
  const [least, middle, most] = [0, 0.5, 1].map((share) => {
    const value = quantile(values, share);
    return Number.isFinite(value) ? value.toFixed(2) : '–';
  });
  return values.length > 1 ? `${middle} (${least}–${most})` : `${middle}`;
}

/** As columns: the first to the left, the others to the right. */
export function tableOf({ title, columns, rows, notes }: Finding): string {
  const all = [columns, ...rows];
  const widths = columns.map((_, i) => Math.max(...all.map((row) => (row[i] ?? '').length)));
  const line = (row: readonly string[]) =>
    widths
      .map((width, i) => (i === 0 ? (row[i] ?? '').padEnd(width) : (row[i] ?? '').padStart(width)))
      .join('   ')
      .trimEnd();
  const rule = widths.map((width) => '-'.repeat(width)).join('   ');
  const body = [line(columns), rule, ...rows.map(line)].map((text) => `  ${text}`);
  return [title, ...body, ...notes.map((note) => `  * ${note}`)].join('\n');
}
