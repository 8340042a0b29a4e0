import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { schemaText } from '../../src/cli/schema.ts';
import { shipped } from '../../src/config/load.ts';
import { jsonSchema } from '../../src/config/schema.ts';

type Json = Readonly<Record<string, unknown>>;
const schema = jsonSchema(shipped);

/** Every object of the schema, with the path to it. */
function* partsOf(part: unknown, path: readonly string[] = []): Generator<readonly [readonly string[], Json]> {
  if (typeof part !== 'object' || part === null) return;
  yield [path, part as Json];
  for (const [key, inner] of Object.entries(part)) yield* partsOf(inner, [...path, key]);
}

const at = (...path: string[]): unknown =>
  path.reduce<unknown>((part, key) => (part as Json | undefined)?.[key], schema);

describe('the JSON Schema for editors', () => {
  it('is the copy in config/: write it anew with `leasekeeper schema > config/leasekeeper.schema.json`', () => {
    const kept = readFileSync(join(import.meta.dirname, '../../config/leasekeeper.schema.json'), 'utf8');
    expect(kept).toBe(schemaText());
  });

  it('is of draft 2020-12 and has a title', () => {
    expect(schema['$schema']).toBe('https://json-schema.org/draft/2020-12/schema');
    expect(schema['title']).toBe('Configuration of leasekeeper');
  });

  it('asks for what the loader asks for', () => {
    expect(at('required')).toEqual(['version', 'providers', 'secrets']);
    expect(at('properties', 'secrets', 'additionalProperties', 'required')).toEqual(['source']);
  });

  it('lets keys that start with x- stand in every mapping, and no unknown ones beside them', () => {
    const closed = [...partsOf(schema)].filter(([, part]) => part['type'] === 'object');
    expect(closed.length).toBeGreaterThan(10);
    for (const [path, part] of closed) expect([path, part['patternProperties']]).toEqual([path, { '^x-': {} }]);
    expect(at('additionalProperties')).toBe(false);
  });

  it('knows every provider, source and sink by its type', () => {
    const types = [...partsOf(schema)].flatMap(([path, part]) =>
      path.at(-1) === 'type' && path.at(-2) === 'properties' ? [part['const']] : [],
    );
    const plugins = [...shipped.providers, ...shipped.sources, ...shipped.sinks];
    for (const { type } of plugins) expect(types).toContain(type);
  });

  it('says of every setting what it means', () => {
    const silent = [...partsOf(schema)].flatMap(([path, part]) => {
      // `exec` says it by its example.
      if (path.at(-2) !== 'properties' || path.includes('anyOf') || path.at(-1) === 'exec') return [];
      return part['description'] === undefined && part['const'] === undefined ? [path.join('.')] : [];
    });
    expect(silent).toEqual([]);
  });

  it('is pointed to by the example', () => {
    const example = readFileSync(join(import.meta.dirname, '../../config/leasekeeper.example.yaml'), 'utf8');
    expect(example.split('\n')[0]).toBe('# yaml-language-server: $schema=./leasekeeper.schema.json');
    const keys = Object.keys(parse(example, { merge: true })).filter((key) => !key.startsWith('x-'));
    for (const key of keys) expect(at('properties')).toHaveProperty(key);
  });
});
