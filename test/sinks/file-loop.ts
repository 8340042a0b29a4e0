/** A process that rewrites a large file without end, to be killed at any moment. */
import { Material } from '../../src/core/material.ts';
import { fileSink } from '../../src/sinks/file.ts';

const [path = '', uid, gid] = process.argv.slice(2);
const owner = { uid: Number(uid), gid: Number(gid) };
const sink = fileSink({ path, format: 'dotenv', keys: 'all', mode: 0o640, owner }, Buffer.alloc(32));
const signal = new AbortController().signal;

for (let number = 0; ; number += 1) {
  const material = new Material({ A: (number % 2 ? 'x' : 'y').repeat(2 ** 20 + number) });
  await sink.write({ secret: 's', lease: 'l', generation: number, sequence: number, material }, signal);
  if (number === 0) process.stdout.write('begun');
}
