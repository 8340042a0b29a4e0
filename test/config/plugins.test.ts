import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { credential } from '../../src/config/credential.ts';
import { shipped, understand } from '../../src/config/load.ts';
import { distance, nearest } from '../../src/config/nearest.ts';
import { defineSink } from '../../src/sinks/define.ts';
import { defineProvider } from '../../src/sources/define.ts';
import { provider, secret } from './build.ts';

const never = () => {
  throw new Error('nothing is opened here');
};

/** A provider as another developer might write it: what it follows it cannot make, and its credentials lie deep. */
const store = defineProvider(
  'store',
  {
    proof: z
      .discriminatedUnion('by', [
        z.strictObject({ by: z.literal('keys'), keys: z.array(credential.describe('One of them')) }),
        z.strictObject({ by: z.literal('file'), file: z.string(), env: z.string().optional() }),
        z.strictObject({ by: z.literal('pointer'), at: credential }),
        z.strictObject({ by: z.literal('place'), at: z.strictObject({ file: z.string() }) }),
      ])
      .optional(),
    headers: z.record(z.string(), z.union([z.string(), credential])).optional(),
  },
  () => ({ close: async () => undefined }),
);
const followed = store.source('followed', { look: 'watch-version', canRotate: false }, {}, never);
const made = store.source('made', { look: 'watch-version', canRotate: true }, {}, never);

/** A sink that does not tidy the path it is given. */
const folder = defineSink('folder', { path: z.string() }, { target: ({ path }) => path, open: never });

const plugins = {
  providers: [...shipped.providers, store],
  sources: [...shipped.sources, followed, made],
  sinks: [...shipped.sinks, folder],
};

function complaints(text: string): readonly string[] {
  const result = understand(text, { file: 'x.yaml', env: { CLIENT_SECRET: 'secret' }, plugins });
  if (result.ok) return [];
  return result.problems.map(({ path, message, remedy }) => `${path}: ${message}; ${remedy}`);
}

const file = (options: string, source: string, more = ''): string => `version: 1
providers: { s: { type: store${options} } }
secrets:
  db:
    source: { type: ${source}, provider: s }
    sinks: [{ type: file, path: /s/db, format: json }]
${more}`;

describe('a policy that rotates', () => {
  const rotating = '    policy: { rotate: { every: 1h } }\n';

  it('is for sources that can make a new value', () => {
    expect(complaints(file('', 'store/made', rotating))).toEqual([]);
    expect(complaints(file('', 'store/followed'))).toEqual([]);
    expect(complaints(file('', 'store/followed', rotating))).toEqual([
      'secrets.db.policy: this policy rotates, but store/followed cannot make a new value; choose a policy without rotate',
    ]);
  });

  it('is told of also where it is the default', () => {
    const [told] = complaints(`${file('', 'store/followed')}policies: { default: { rotate: { every: 1h } } }\n`);
    expect(told).toContain('secrets.db: this policy rotates');
  });
});

describe('two sinks on one place', () => {
  const withSinks = (sinks: string) =>
    complaints(file('', 'store/made').replace('[{ type: file, path: /s/db, format: json }]', sinks));

  it('are told of across types, however the path is written', () => {
    expect(withSinks('[{ type: file, path: /s/db, format: json }, { type: folder, path: /s//db/ }]')).toEqual([
      'secrets.db.sinks[1].path: another sink writes to the same place, in line 6; give each a place of its own',
    ]);
    expect(withSinks('[{ type: file, path: /s/db, format: json }, { type: folder, path: /s/db2 }]')).toEqual([]);
  });

  it('are one mistake, although their names are the same too', () => {
    expect(withSinks('[{ type: folder, path: /s }, { type: folder, path: /s }]')).toHaveLength(1);
  });
});

describe('a provider of another type', () => {
  const twoProviders = `version: 1\n${provider}  s: { type: store }\nsecrets:\n`;

  it('is told of with those that would do', () => {
    expect(complaints(`${twoProviders}${secret().replace('provider: main', 'provider: s')}`)).toEqual([
      'secrets.db.source.provider: infisical/dynamic-secret is not taken from a provider of type store; write main',
    ]);
  });

  it('is told of with what to add where there is none', () => {
    expect(complaints(file('', 'infisical/access-token'))).toEqual([
      'secrets.db.source.provider: infisical/access-token is not taken from a provider of type store; add a provider of type infisical',
    ]);
  });
});

describe('credentials of any plugin', () => {
  it('are found in lists, in mappings by name, and under another description', () => {
    const told = complaints(
      file(
        ', proof: { by: keys, keys: [{ env: CLIENT_SECRET }, { env: A }] }, headers: { x: plain, y: { file: /none } }',
        'store/made',
      ),
    );
    expect(told.map((one) => one.split(':')[0])).toEqual([
      'providers.s.proof.keys[1].env',
      'providers.s.headers.y.file',
    ]);
  });

  it('are not seen in what only looks like one', () => {
    expect(complaints(file(', proof: { by: file, file: /none, env: NONE }', 'store/made'))).toEqual([]);
    expect(complaints(file(', proof: { by: place, at: { file: /none } }', 'store/made'))).toEqual([]);
    expect(complaints(file(', proof: { by: pointer, at: { file: /none } }', 'store/made'))).toHaveLength(1);
  });
});

describe('a suggestion', () => {
  it('is made for the kind of thing that is written', () => {
    const [told] = complaints(file(', proof: { by: keys, kyes: [], keys: [] }', 'store/made'));
    expect(told).toBe('providers.s.proof.kyes: unknown key; did you mean keys?');
    const [other] = complaints(file(', proof: { by: file, file: /a, kyes: [] }', 'store/made'));
    expect(other).toBe('providers.s.proof.kyes: unknown key; one of by, env, file');
  });

  it('counts a letter too many, too few, wrong or swapped as one mistake', () => {
    for (const slip of ['formatt', 'frmat', 'farmat', 'fromat']) expect(distance(slip, 'format')).toBe(1);
    expect(distance('', 'abc')).toBe(3);
    expect(distance('same', 'same')).toBe(0);
  });

  it('is made only where a word is near', () => {
    expect(nearest('keyz', ['keys', 'name'])).toBe('keys');
    expect(nearest('FORMAT', ['format'])).toBe('format');
    expect(nearest('password', ['path', 'owner'])).toBeUndefined();
    expect(nearest('x', ['y'])).toBeUndefined();
    expect(nearest('hup', ['SIGTERM', 'SIGHUP'])).toBe('SIGHUP');
    expect(nearest('up', ['SIGHUP'])).toBeUndefined();
  });
});
