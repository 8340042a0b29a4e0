/** Reads every sink's file again and again, as fast as it may: whoever sees half a credential, or none where one was, says so. */
import { readFileSync, statSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import { credentialIn, type Kind } from './credentials.ts';
import type { SinkPlan } from './lives.ts';

export interface ReaderOrder {
  readonly files: readonly { readonly file: string; readonly format: SinkPlan['format']; readonly kind: Kind }[];
}

export type ReaderLine =
  | { readonly type: 'torn'; readonly at: number; readonly file: string; readonly why: string }
  | { readonly type: 'saw'; readonly at: number; readonly file: string; readonly name: string; readonly mark: string }
  | { readonly type: 'reads'; readonly reads: number };

const { files } = JSON.parse(process.argv[2] ?? '{}') as ReaderOrder;
const tell = (line: ReaderLine): void => void process.stdout.write(`${JSON.stringify(line)}\n`);
const last = new Map<string, string>();
const proofs = new Map<string, string>();
process.stdin.once('end', () => process.exit(0)).resume();

let reads = 0;
for (let round = 0; ; round++) {
  for (const { file, format, kind } of files) {
    const at = Date.now();
    try {
      const bytes = readFileSync(file);
      const mode = (statSync(file).mode & 0o777).toString(8);
      reads += 1;
      const { name, mark, proof } = credentialIn(bytes, format, kind);
      if (mode !== '600') throw new Error(`its mode is ${mode}`);
      const known = proofs.get(name) ?? proof;
      if (name !== '' && known !== proof) throw new Error('the name of one credential with the password of another');
      proofs.set(name, proof);
      if (last.get(file) !== mark) tell({ type: 'saw', at, file, name, mark });
      last.set(file, mark);
    } catch (error) {
      const isAbsent = (error as NodeJS.ErrnoException).code === 'ENOENT';
      if (!isAbsent || last.has(file)) tell({ type: 'torn', at, file, why: (error as Error).message });
    }
  }
  if (round % 50 === 0) tell({ type: 'reads', reads });
  await pause(10);
}
