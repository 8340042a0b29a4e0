/** A process that rewrites a large file without end, to be killed at any moment. */
import { Material } from '../../src/core/material.ts';
import { fileSink } from '../../src/sinks/file.ts';

const [path = '', uid, gid, write = 'auto', growth = '1'] = process.argv.slice(2);
const owner = { uid: Number(uid), gid: Number(gid) };
const options = { path, format: 'dotenv', keys: 'all', mode: 0o640, owner } as const;
const sink = fileSink({ ...options, write: write === 'in-place' ? write : 'auto' }, Buffer.alloc(32));
const signal = new AbortController().signal;

for (let number = 0; ; number += 1) {
  const material = new Material({ A: (number % 2 ? 'x' : 'y').repeat(2 ** 20 + number * Number(growth)) });
  await sink.write({ secret: 's', lease: 'l', generation: number, sequence: number, material }, signal);
  if (number === 0) process.stdout.write('begun');
}
