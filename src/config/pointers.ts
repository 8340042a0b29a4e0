/** Do the credentials that the file points to exist? They are not read into the program for that. */
import { accessSync, constants, statSync } from 'node:fs';
import { isAbsolute } from 'node:path';
import type { z } from 'zod';
import type { Env } from './fill.ts';
import { nodeOf, quoted, wordOf } from './locate.ts';
import { type Finding, finding } from './problem.ts';
import { credentialsIn } from './shape.ts';
import type { Node } from './tree.ts';

export const unreadableCredentials = (schema: z.core.$ZodType, written: Node, env: Env): readonly Finding[] =>
  credentialsIn(schema, written).flatMap((pointer) => {
    if (pointer.kind === 'mapping' && pointer.entries.size !== 1) return [];
    const file = wordOf(pointer.kind === 'scalar' ? pointer : nodeOf(pointer, 'file'));
    const name = wordOf(nodeOf(pointer, 'env'));
    // A relative path is another mistake.
    if (file && file.value !== '' && (pointer.kind === 'mapping' || isAbsolute(file.value))) {
      const mistake = mistakeOfFile(file.value);
      if (mistake === undefined) return [];
      const remedy = 'put the credential there, readable for the user that leasekeeper runs as';
      return [finding(file.at, file.path, `the credential file${quoted(file)} ${mistake}`, remedy)];
    }
    if (name && name.value !== '' && !env[name.value]?.trim()) {
      const message = `the environment variable${quoted(name)} that should hold the credential is not set`;
      return [
        finding(name.at, name.path, message, 'set it where leasekeeper is started, or point to a { file: /path }'),
      ];
    }
    return [];
  });

const said: Readonly<Record<string, string>> = {
  ENOENT: 'does not exist',
  EACCES: 'may not be read by us',
  EPERM: 'may not be read by us',
  ENOTDIR: 'is below something that is not a directory',
  ELOOP: 'is a link that leads nowhere',
};

function mistakeOfFile(path: string): string | undefined {
  try {
    const about = statSync(path);
    if (about.isDirectory()) return 'is a directory';
    if (!about.isFile()) return 'is a pipe or a device, not a file';
    if (about.size === 0) return 'is empty';
    accessSync(path, constants.R_OK);
    return undefined;
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? '';
    return said[code] ?? 'cannot be read';
  }
}
