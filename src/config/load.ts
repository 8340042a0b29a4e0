/** From the YAML file to the configuration, or to all that is wrong with it. */
import { readFileSync } from 'node:fs';
import { sinks } from '../sinks/index.ts';
import { providers, sources } from '../sources/index.ts';
import type { LoadResult } from './configuration.ts';
import { misplaced } from './credential.ts';
import { overloads } from './demand.ts';
import type { Env } from './fill.ts';
import { nodeOf } from './locate.ts';
import { outputsOf } from './outputs.ts';
import { parsePart } from './parse.ts';
import { type Finding, finding, problemsOf } from './problem.ts';
import { policiesOf, providersOf } from './providers.ts';
import { outline, type Plugins } from './schema.ts';
import { secretsOf } from './secrets.ts';
import { idleDefaults } from './sinks.ts';
import { type Mapping, parseTree, start } from './tree.ts';

/** All that we ship. */
export const shipped: Plugins = { providers, sources, sinks };

export interface LoadOptions {
  readonly file: string;
  /** From which `${NAME}` is filled in, and which `{ env: NAME }` points to. */
  readonly env: Env;
  readonly plugins?: Plugins;
}

/** Never throws. Values from the environment, and what could be a credential, are in no problem's words. */
export function loadConfiguration({ file, env, plugins = shipped }: LoadOptions): LoadResult {
  const read = textOf(file);
  if (typeof read !== 'string') return { ok: false, problems: problemsOf(file, [read]) };
  return understand(read, { file, env, plugins });
}

/** The same for the text of the file. */
export function understand(text: string, { file, env, plugins = shipped }: LoadOptions): LoadResult {
  const tree = parseTree(text, env);
  const findings: Finding[] = [...tree.findings];
  const failed = (): LoadResult => ({ ok: false, problems: problemsOf(file, withoutEcho(findings)) });
  const { root } = tree;
  if (!root) {
    if (findings.length === 0)
      findings.push(
        finding(start, [], 'the file is empty', 'begin it with version: 1, and name providers and secrets'),
      );
    return failed();
  }
  if (root.kind !== 'mapping') {
    findings.push(finding(root.at, [], 'the file does not consist of keys', 'begin it with version: 1'));
    return failed();
  }
  const whole = parsePart(outline, root, start, env);
  const { policies, findings: ofPolicies } = policiesOf(root);
  const served = providersOf(root, policies, plugins, env);
  const around = { root, policies, providers: served, plugins, env, file };
  const together = outputsOf(around);
  const kept = secretsOf(around, together.placed);
  findings.push(...whole.findings, ...ofPolicies, ...served.findings, ...kept.findings, ...together.findings);
  findings.push(...idleDefaults(root, plugins), ...emptyLists(root));
  if (!whole.value || findings.length > 0) return failed();
  const { state, http, page, log } = whole.value;
  const configuration = {
    state,
    http,
    ...(page && { page }),
    log,
    providers: served.configured,
    secrets: kept.value,
    outputs: together.value,
  };
  const tooMuch = overloads(root, configuration);
  return { ok: true, configuration, warnings: problemsOf(file, [...kept.warnings, ...together.warnings, ...tooMuch]) };
}

function emptyLists(root: Mapping): readonly Finding[] {
  const secrets = nodeOf(root, 'secrets');
  if (secrets?.kind !== 'mapping' || secrets.entries.size > 0) return [];
  return [finding(secrets.at, secrets.path, 'there is no secret to keep', 'name at least one')];
}

/** Whoever writes `${X}` for a credential is told that it does not belong there, and not that X is not set. */
function withoutEcho(findings: readonly Finding[]): readonly Finding[] {
  const where = ({ line, column }: Finding) => `${line}:${column}`;
  const places = new Set(findings.flatMap((one) => (one.message === misplaced ? [where(one)] : [])));
  return findings.filter((one) => one.message === misplaced || !places.has(where(one)));
}

/** More than any file that people or their tools write. */
const longest = 16 * 1024 * 1024;

const unreadable: Readonly<Record<string, readonly [message: string, remedy?: string]>> = {
  ENOENT: ['there is no such file', 'name the configuration file: -c FILE'],
  EISDIR: ['this is a directory', 'name the configuration file in it'],
  EACCES: ['the file may not be read by us', 'make it readable for the user that leasekeeper runs as'],
  EPERM: ['the file may not be read by us', 'make it readable for the user that leasekeeper runs as'],
};

function textOf(file: string): string | Finding {
  try {
    const bytes = readFileSync(file);
    if (bytes.length > longest) return finding(start, [], 'the file is longer than 16 MiB', 'is it the right file?');
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? '';
    if (code === 'ERR_ENCODING_INVALID_ENCODED_DATA')
      return finding(start, [], 'the file is not text in UTF-8', 'is it the right file?');
    return finding(start, [], ...(unreadable[code] ?? ['the file cannot be read', 'is it the right file?']));
  }
}
