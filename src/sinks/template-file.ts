/** A template that lies in a file of its own: read when the configuration is, and not again before that is read again. */
import { readFileSync, statSync } from 'node:fs';
import { codeOf } from './rights.ts';
import { longestTemplate, type ReadTemplate, readTemplate } from './template.ts';

const words: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such file',
  ENOTDIR: 'there is no such file',
  EACCES: 'the file may not be read by us',
  EPERM: 'the file may not be read by us',
};

export function readTemplateFile(path: string): ReadTemplate {
  const unread = (what: string, remedy = 'name a text file with a template') => ({ problems: [`${what}: ${remedy}`] });
  try {
    const found = statSync(path);
    // A pipe would be waited for.
    if (!found.isFile()) return unread('this is not a file');
    if (found.size > longestTemplate) return unread(`the file is longer than ${longestTemplate} bytes`);
    return readTemplate(new TextDecoder('utf-8', { fatal: true }).decode(readFileSync(path)), 'the file');
  } catch (error) {
    if (codeOf(error) === 'ERR_ENCODING_INVALID_ENCODED_DATA') return unread('the file is not text in UTF-8');
    return unread(
      words[codeOf(error)] ?? 'the file cannot be read',
      `a relative path begins where the configuration is`,
    );
  }
}
