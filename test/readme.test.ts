/** What the README says is what the program does, where a test can tell. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import manifest from '../package.json' with { type: 'json' };
import { understand } from '../src/config/load.ts';
import { states } from '../src/observability/view.ts';
import { readmeFile, withMetrics } from './support/readme.ts';

const readme = readFileSync(readmeFile, 'utf8');

test('the table of metrics is the one in the code: npm run readme', () => {
  expect(withMetrics(readme)).toBe(readme);
});

test('the configuration that it shows is one', () => {
  const [, yaml = ''] = /```yaml\n([\s\S]*?)```/.exec(readme) ?? [];
  const text = yaml.replace('/run/secrets/infisical-client-secret', join(import.meta.dirname, '..', 'package.json'));
  const result = understand(text, { file: 'README.md', env: { INFISICAL_CLIENT_ID: 'an-id' } });
  expect(result).toMatchObject({ ok: true });
});

test('every state that a secret can be in says what to do', () => {
  for (const state of states) expect(readme).toContain(`\n| \`${state}\` | `);
});

test('every dependency has its reason there', () => {
  for (const name of Object.keys(manifest.dependencies)) expect(readme).toContain(`\`${name}\``);
});

test('every file that it points to is there', () => {
  const links = [...readme.matchAll(/\]\((?!http|#)([^)]+)\)/g)].map(([, file = '']) => file);
  expect(links.length).toBeGreaterThan(0);
  for (const file of links) expect(readFileSync(join(readmeFile, '..', file), 'utf8')).not.toBe('');
});
