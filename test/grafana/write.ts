/** `npm run grafana`: writes config/grafana anew. */
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { grafanaDirectory, grafanaFiles } from './files.ts';

await rm(grafanaDirectory, { recursive: true, force: true });
for (const [name, text] of Object.entries(grafanaFiles())) {
  const file = join(grafanaDirectory, name);
  await mkdir(dirname(file), { recursive: true });
  await writeFile(file, text);
}
