/** Configurations for tests: what is right, with a part of it replaced. */
import type { LoadResult } from '../../src/config/configuration.ts';
import { understand } from '../../src/config/load.ts';

export const provider = `providers:
  main:
    type: infisical
    url: https://infisical.test
    auth: { method: universal, clientId: me, clientSecret: { env: CLIENT_SECRET } }
`;

export const source = '{ type: infisical/dynamic-secret, provider: main, project: shop, environment: prod, name: db }';

/** How the file refers to the environment. */
export const ref = (name: string): string => `$\{${name}}`;

/** One secret, `db`, with those lines more. */
export const secret = (more = ''): string =>
  `  db:\n    source: ${source}\n    sinks: [{ type: file, path: /s/db.env, format: dotenv }]\n${more}`;

export interface Parts {
  /** Lines at the top level. */
  readonly top?: string;
  readonly providers?: string;
  readonly secrets?: string;
  readonly env?: Readonly<Record<string, string>>;
}

export const textOf = ({ top = '', providers = provider, secrets = secret() }: Parts): string =>
  `version: 1\n${top}${providers}secrets:\n${secrets}`;

export const load = (parts: Parts = {}): LoadResult =>
  understand(textOf(parts), { file: 'test.yaml', env: { CLIENT_SECRET: 'secret', ...parts.env } });

/** Throws where anything is wrong with it. */
export function loaded(parts: Parts = {}) {
  const result = load(parts);
  if (result.ok) return result.configuration;
  throw new Error(JSON.stringify(result.problems, null, 2));
}

/** `line:column path: message`, or nothing where all is right. */
export function complaints(parts: Parts): readonly string[] {
  const result = load(parts);
  if (result.ok) return [];
  return result.problems.map(({ line, column, path, message }) => `${line}:${column} ${path}: ${message}`);
}
