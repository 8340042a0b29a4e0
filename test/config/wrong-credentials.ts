/** What is wrong with credentials, in many files of `wrong/`. */
import type { Expected } from './wrong.ts';

export const writtenHere = (place: string, path: string): Expected => [
  place,
  path,
  'a credential does not belong in this file',
  'point to it with { file: /path } or { env: NAME }',
];

export const notThere = (place: string, path: string, file: string): Expected => [
  place,
  path,
  `the credential file ${file} does not exist`,
  'put the credential there, readable for the user that leasekeeper runs as',
];
