/** What is printed into a pipe is printed to its end, also where that is more than a pipe takes at a time. */
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { schemaText } from '../src/cli/schema.ts';

test('a schema of more than 64 kB gets through a pipe to a reader that takes its time', () => {
  const bundle = join(import.meta.dirname, '..', 'dist', 'leasekeeper.js');
  const script = '"$0" "$1" schema | { sleep 0.5; cat; }';
  const printed = execFileSync('sh', ['-c', script, process.execPath, bundle], {
    encoding: 'utf8',
    maxBuffer: 1 << 22,
  });
  expect(schemaText().length).toBeGreaterThan(2 ** 16);
  expect(printed).toBe(schemaText());
});
