/**
 * A sandbox as a process of its own: `main.ts [SPEC.json | -]`. Takes its description from the file, or from the first
 * line of standard input (`-`), and then ends when standard input does, so that it never outlives whoever started it.
 * Prints one line of JSON when it is ready. An empty description where none is given.
 */
import { readFile } from 'node:fs/promises';
import { createInterface } from 'node:readline';

export interface Playing {
  /** What whoever started it needs to know. */
  readonly ready: object;
  close(): Promise<void>;
}

/** Resolves when it has ended. */
export async function playAsProcess<Spec>(start: (spec: Spec) => Promise<Playing>): Promise<void> {
  const source = process.argv[2];
  const input = source === '-' ? createInterface({ input: process.stdin }) : undefined;
  const ended = new Promise<void>((resolve) => {
    input?.once('close', resolve);
    process.once('SIGTERM', () => resolve());
    process.once('SIGINT', () => resolve());
  });
  const firstLine = () =>
    new Promise<string>((resolve, reject) => {
      input?.once('line', resolve);
      input?.once('close', () => reject(new Error('standard input ended before the description')));
    });
  const described = async () => {
    if (source === undefined) return '{}';
    return input === undefined ? readFile(source, 'utf8') : firstLine();
  };

  const sandbox = await start(JSON.parse(await described()) as Spec);
  process.stdout.write(`${JSON.stringify({ ...sandbox.ready, pid: process.pid })}\n`);
  await ended;
  await sandbox.close();
  input?.close();
}
