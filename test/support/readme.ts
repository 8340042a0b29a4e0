/** Writes the README's table of metrics from the code (`npm run readme`), so that it says what is served. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { metricsTable } from '../../src/observability/metrics-table.ts';

export const readmeFile = join(import.meta.dirname, '..', '..', 'README.md');

/** The README with the table as the code has it. Throws where it has no place for one. */
export function withMetrics(readme: string): string {
  const place = /(<!-- metrics:[^\n]*-->\n)[\s\S]*(<!-- end of metrics -->)/;
  if (!place.test(readme)) throw new Error('the README has no place for the metrics');
  const rows = metricsTable.map(
    ({ name, type, labels, help }) =>
      `| \`${name}\` | ${type} | ${labels.join(', ')} | ${help.replaceAll('|', '\\|')} |`,
  );
  const table = ['| metric | type | labels | meaning |', '|---|---|---|---|', ...rows].join('\n');
  return readme.replace(place, (_, begin: string, end: string) => `${begin}${table}\n${end}`);
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href) {
  writeFileSync(readmeFile, withMetrics(readFileSync(readmeFile, 'utf8')));
}
