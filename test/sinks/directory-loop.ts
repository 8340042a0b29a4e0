/** A process that rewrites a set of files without end, with other names each time, to be killed at any moment. */
import { Material } from '../../src/core/material.ts';
import { directorySink } from '../../src/sinks/directory.ts';

const [path = ''] = process.argv.slice(2);
const sink = directorySink({ path, keys: 'all', mode: 0o640 }, Buffer.alloc(32), 0);
const signal = new AbortController().signal;

for (let number = 0; ; number += 1) {
  const value = String(number).repeat(20_000);
  const material = new Material({ user: value, password: value, [number % 2 ? 'odd' : 'even']: value });
  await sink.write({ secret: 's', lease: 'l', generation: number, sequence: number, material }, signal);
  if (number === 0) process.stdout.write('begun');
}
