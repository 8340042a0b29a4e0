/** Holds the Lockbox sandbox to the constructed examples, in both ways of printing what has its default. */
import { afterEach, describe, expect, test } from 'vitest';
import { routeNames } from '../sandbox/yandex/faults.ts';
import { routes } from '../sandbox/yandex/routes.ts';
import type { LockboxSandbox } from '../sandbox/yandex/sandbox.ts';
import { normalise, pruned, rowKinds, unprinted } from './lockbox-compare.ts';
import { ask, type Example, examples } from './lockbox-lab.ts';
import { scenarios } from './lockbox-scenarios.ts';

let sandbox: LockboxSandbox | undefined;

afterEach(async () => {
  const troubles = sandbox?.books().troubles ?? [];
  await sandbox?.close();
  sandbox = undefined;
  expect(troubles).toEqual([]);
});

async function replay(example: Example, defaults: 'omitted' | 'printed') {
  const scenario = scenarios[example.name];
  if (scenario === undefined) throw new Error('nobody has said how this comes about');
  sandbox = await scenario.world.with({ defaults }).start();
  const substitutes = await scenario.before?.(sandbox);
  return ask(sandbox, example, substitutes);
}

/** The one that shows the other shape. */
const isPrinted = ({ name }: Example) => name.endsWith('everything defaulted printed');
/** Shown shorter than its page. */
const isCut = ({ name }: Example) => name === 'secret.listVersions: page';

const presence = (headers: Readonly<Record<string, unknown>>) => ({
  'content-type': headers['content-type'],
  'x-request-id': headers['x-request-id'] !== undefined,
  'x-server-trace-id': headers['x-server-trace-id'] !== undefined,
});

describe.each(['omitted', 'printed'] as const)('with defaults %s, the sandbox answers', (defaults) => {
  for (const example of examples) {
    const { name, response } = example;
    test(`${name}: ${response.status}`, async () => {
      const reply = await replay(example, defaults);
      expect(reply.status).toBe(response.status);
      expect(presence(reply.headers)).toEqual(presence(response.headers));
      if (typeof response.body === 'string') return expect(reply.text).toBe(response.body);
      const isSameShape = isPrinted(example) === (defaults === 'printed');
      const shape = isSameShape ? (body: unknown) => body : pruned;
      const [ours, theirs] = [shape(reply.body), shape(response.body)];
      if (isCut(example)) {
        const rows = (body: unknown) => (body as { versions: unknown[] }).versions;
        expect(rowKinds(rows(ours))).toEqual(rowKinds(rows(theirs)));
        return expect(Object.keys(ours as object)).toEqual(Object.keys(theirs as object));
      }
      expect(normalise(ours)).toEqual(normalise(theirs));
      expect(defaults === 'omitted' ? [] : unprinted(reply.body)).toEqual([]);
    });
  }
});

describe('nothing is passed over in silence', () => {
  test('there is a way into every example, and to none that is not there', () => {
    expect(Object.keys(scenarios).sort()).toEqual(examples.map(({ name }) => name).sort());
  });

  test('an example changed in one word is told apart', () => {
    const { body } = examples[0]?.response ?? {};
    expect(normalise({ ...(body as object), status: 'INACTIVE' })).not.toEqual(normalise(body));
    expect(normalise({ ...(body as object), kmsKeyId: '' })).not.toEqual(normalise(body));
    expect(normalise({ ...(body as object), createdAt: '2026-07-01T09:00:00Z' })).not.toEqual(normalise(body));
    expect(unprinted(body)).not.toEqual([]);
  });

  test('every route of the sandbox is asked by an example', () => {
    const asked = examples.map(
      ({ request }) =>
        routes.find(({ method, pattern }) => method === request.method && pattern.test(request.path))?.name,
    );
    expect(routeNames.filter((name) => !asked.includes(name))).toEqual([]);
    expect(routes.map(({ name }) => name).sort()).toEqual([...routeNames].sort());
  });
});
