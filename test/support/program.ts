/** Programs that tests start, as one file of plain JavaScript: they begin in a quarter of the time, and need neither our sources nor a compiler. */
import { chmodSync, existsSync, mkdtempSync, renameSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { buildSync } from 'esbuild';

/** Names where they lie, for all processes of a run. */
const shared = 'LEASEKEEPER_TEST_PROGRAMS';

/** Where the bundle of this TypeScript file lies, until the run ends. */
export function bundled(entry: string): string {
  if (process.env[shared] === undefined) process.once('exit', keepPrograms());
  const directory = process.env[shared] ?? '';
  const outfile = join(directory, `${relative(join(import.meta.dirname, '..'), entry).replaceAll('/', '-')}.mjs`);
  if (existsSync(outfile)) return outfile;
  const made = `${outfile}.${process.pid}`;
  buildSync({
    entryPoints: [entry],
    bundle: true,
    platform: 'node',
    mainFields: ['module', 'main'],
    format: 'esm',
    // Some of what is used asks for its parts in the older way.
    banner: { js: "import { createRequire as __cr } from 'node:module'; const require = __cr(import.meta.url);" },
    outfile: made,
    logLevel: 'error',
  });
  renameSync(made, outfile);
  return outfile;
}

/** For this process and those that it starts; answers with what clears it away. */
export function keepPrograms(): () => void {
  const directory = mkdtempSync(join(tmpdir(), 'leasekeeper-programs-'));
  // A test's process may be another user's.
  chmodSync(directory, 0o755);
  process.env[shared] = directory;
  return () => rmSync(directory, { recursive: true, force: true });
}
