/** Standard error of real processes: everything arrives, and nothing is waited for that does not come. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, openSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { afterAll, beforeAll, expect, test } from 'vitest';

/** Bundled, as it ships: pino finds nothing beside it. */
const dir = mkdtempSync(join(tmpdir(), 'leasekeeper-log-'));
const log = join(dir, 'log.cjs');
beforeAll(async () => {
  const entry = fileURLToPath(new URL('../../src/observability/log.ts', import.meta.url));
  await build({ entryPoints: [entry], outfile: log, bundle: true, platform: 'node', format: 'cjs' });
});
afterAll(() => rmSync(dir, { recursive: true }));

/** Says that many lines and ends in that way. */
function speaker(lines: number, end: string, stderr: 'pipe' | number = 'pipe') {
  const program = `
    const { createLog } = require(${JSON.stringify(log)});
    const log = createLog({ level: 'info', format: 'json', clock: { now: () => 0 } });
    for (let i = 0; i < ${lines}; i++) log.info('line ' + i, { text: 'x'.repeat(200) });
    (async () => { ${end} })();`;
  const child = spawn(process.execPath, ['-e', program], {
    cwd: dir,
    stdio: ['ignore', 'ignore', stderr],
  });
  return { child, ended: once(child, 'exit') };
}

test.each([
  ['when the log is closed', 2000, 'await log.close(); process.exit(7);'],
  ['when the process exits without a word', 20, 'process.exit(7);'],
])('every line arrives %s', async (_, count, end) => {
  const { child, ended } = speaker(count, end);
  let received = '';
  child.stderr?.on('data', (chunk) => {
    received += chunk;
  });
  const closed = once(child, 'close');
  expect(await ended).toEqual([7, null]);
  await closed;
  const lines = received.trimEnd().split('\n');
  expect(lines.map((line) => JSON.parse(line).msg)).toEqual(Array.from({ length: count }, (_, i) => `line ${i}`));
});

test('a full disk ends neither the process nor keeps it from its end', async () => {
  const { ended } = speaker(50, 'await log.close(); process.exit(7);', openSync('/dev/full', 'w'));
  expect(await ended).toEqual([7, null]);
});

test('a reader that stands still does not hold up the end', async () => {
  const { child, ended } = speaker(5000, 'await log.close(); process.exit(7);');
  child.stderr?.pause();
  expect(await ended).toEqual([7, null]);
  child.stderr?.destroy();
});

test('a reader that has gone away does not end the process', async () => {
  const { child, ended } = speaker(
    5,
    'await new Promise((go) => setTimeout(go, 300)); log.info("more"); await log.close(); process.exit(7);',
  );
  child.stderr?.destroy();
  expect(await ended).toEqual([7, null]);
});
