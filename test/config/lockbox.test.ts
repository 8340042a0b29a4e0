/** What a configuration with Yandex Lockbox means as a whole. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { leasekeeper } from '../../src/cli/program.ts';
import { load, loaded } from './build.ts';

const providers = 'providers: { yc: { type: yandex, auth: { method: metadata } } }\n';
const secrets = (more: string, below = ''): string =>
  `  db:\n    source: { type: yandex/lockbox, provider: yc, secretId: e6qdb${more} }\n` +
  `    sinks: [{ type: file, path: /s/db.env, format: dotenv }]\n${below}`;
const rotating = '    policy: { rotate: { every: 1h }, grace: 1m }\n';
const warningsOf = (more: string, below?: string) => {
  const result = load({ providers, secrets: secrets(more, below) });
  return result.ok ? result.warnings : expect.unreachable(JSON.stringify(result.problems));
};
const identityOf = (more: string) => loaded({ providers, secrets: secrets(more) }).secrets[0]?.source.identity;

describe('a secret whose versions we add', () => {
  it('may be rotated by the policy, and is told to change for everybody', () => {
    const { secrets: all } = loaded({ providers, secrets: secrets(', generate: { by: lockbox }', rotating) });
    expect(all[0]?.source).toMatchObject({ canRotate: true, look: 'watch-version' });
    expect(warningsOf(', generate: { by: lockbox }', rotating)).toEqual([
      {
        file: 'test.yaml',
        line: 5,
        column: 78,
        path: 'secrets.db.source.generate',
        message: 'each rotation changes secret e6qdb for everybody who reads it, at once',
        remedy: 'be sure that all of them follow it',
      },
    ]);
  });

  it('is another one than the secret whose versions others add, and the same however it is generated', () => {
    const generated = identityOf(', generate: { by: lockbox }');
    expect(generated).not.toBe(identityOf(''));
    expect(identityOf(', generate: { by: leasekeeper, length: 12 }, pendingPeriod: 1d')).toBe(generated);
  });
});

describe('a secret whose versions others add', () => {
  it('is warned of by nobody', () => {
    expect(warningsOf(', watchVersions: true, onDestroyScheduled: cancel')).toEqual([]);
  });

  it('stays the same one however it is treated, and is another one under another id or version', () => {
    const plain = identityOf('');
    expect(identityOf(', poll: 5m, watchVersions: true, onDestroyScheduled: cancel')).toBe(plain);
    expect(identityOf(', version: e6qv1')).not.toBe(plain);
  });
});

describe('validate', () => {
  let dir: string;
  beforeAll(() => {
    dir = mkdtempSync(join(tmpdir(), 'lk-config-'));
  });
  afterAll(() => rmSync(dir, { recursive: true }));

  it('says the warnings after what would be kept, and is content', async () => {
    const file = join(dir, 'leasekeeper.yaml');
    writeFileSync(file, `version: 1\n${providers}secrets:\n${secrets(', generate: { by: leasekeeper }', rotating)}`);
    const said = { out: '', err: '' };
    const to = (name: 'out' | 'err') => ({
      isForPeople: false,
      write(text: string) {
        said[name] += text;
      },
    });
    const code = await leasekeeper(['validate', '-c', file], { env: {}, out: to('out'), err: to('err') });
    expect(code).toBe(0);
    expect(said.out).toContain('is right: 1 secret in 1 sink, from yc (yandex)');
    expect(said.err).toContain(`${file}:5:78  secrets.db.source.generate: each rotation changes secret e6qdb`);
  });
});
