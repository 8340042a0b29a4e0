/** What a configuration with static secrets of Infisical means as a whole. */
import { describe, expect, it } from 'vitest';
import { load, loaded } from './build.ts';

const secrets = (more: string, below = ''): string =>
  `  app:\n    source: { type: infisical/secrets, provider: main, project: shop, environment: prod${more} }\n` +
  `    sinks: [{ type: file, path: /s/app.env, format: dotenv }]\n${below}`;
const rotating = '    policy: { rotate: { every: 1h }, grace: 1m }\n';
const generate = ', generate: { by: leasekeeper, key: DB_PASSWORD }';
const sourceOf = (more: string, below?: string) => loaded({ secrets: secrets(more, below) }).secrets[0]?.source;
const warningsOf = (more: string, below?: string) => {
  const result = load({ secrets: secrets(more, below) });
  return result.ok ? result.warnings : expect.unreachable(JSON.stringify(result.problems));
};

describe('the static secrets of a folder', () => {
  it('are looked at as what they are, and rotated only where we make the values', () => {
    expect(sourceOf('')).toMatchObject({ canRotate: false, look: 'sync-secrets' });
    expect(sourceOf(generate, rotating)).toMatchObject({ canRotate: true });
  });

  it('are the same however often they are asked for and however they are generated, and others elsewhere', () => {
    const plain = sourceOf('')?.identity;
    expect(sourceOf(', poll: 5m, allowEmpty: true')?.identity).toBe(plain);
    const generated = sourceOf(generate)?.identity;
    expect(sourceOf(', generate: { by: leasekeeper, key: DB_PASSWORD, length: 12 }')?.identity).toBe(generated);
    for (const more of [', secretPath: /app', ', names: [DB_USER]', ', recursive: true', generate]) {
      expect(sourceOf(more)?.identity).not.toBe(plain);
    }
  });

  it('are warned of where the server may leave some out, or all who read them have to follow', () => {
    expect(warningsOf('')).toEqual([]);
    expect(warningsOf(', recursive: true, names: [DB_USER]')).toEqual([]);
    expect(warningsOf(', recursive: true')).toMatchObject([
      {
        path: 'secrets.app.source.recursive',
        message: 'what the identity may not read in a folder below is left out by the server without a word',
        remedy: 'name by names what has to be there',
      },
    ]);
    expect(warningsOf(generate, rotating)).toMatchObject([
      { path: 'secrets.app.source.generate', message: expect.stringContaining('changes DB_PASSWORD for everybody') },
    ]);
  });
});
