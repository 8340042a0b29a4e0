/** Killed at every step of a delivery, the next process finishes it: each program is told, and acknowledged, once. */
import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { aDirectory } from '../conformance/fixtures/sink-process.ts';
import { bundled } from '../support/program.ts';

const top = aDirectory();
const delivering = bundled(join(import.meta.dirname, 'delivering-process.ts'));
afterAll(() => rmSync(top, { recursive: true }));

/** One life, in which that generation is the newest; answers with the number of its steps, or with its end. */
function live(dir: string, generation: string, fatal = -1): string {
  const args = [delivering, dir, generation, String(fatal)];
  const { status, signal, stdout, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8' });
  if (status !== 0 && signal !== 'SIGKILL') throw new Error(stderr);
  return signal ?? stdout;
}

const linesOf = (dir: string, name: string): readonly string[] =>
  existsSync(join(dir, name)) ? readFileSync(join(dir, name), 'utf8').trim().split('\n') : [];

/** How often each generation came to be acknowledged: by the secret's programs, and by the sink's. */
function acknowledgements(dir: string): readonly Record<string, number>[] {
  const saves = linesOf(dir, 'acknowledged').map((line) => JSON.parse(line) as (string | boolean | undefined)[]);
  return [0, 1].map((which) => {
    const count: Record<string, number> = {};
    for (const [i, save] of saves.entries()) {
      const now = save[which];
      if (typeof now === 'string' && now !== saves[i - 1]?.[which]) count[now] = (count[now] ?? 0) + 1;
    }
    return count;
  });
}

const once = { l1: 1, l2: 1 };
const [first, calm] = [join(top, 'first'), join(top, 'calm')];
mkdirSync(first);
live(first, 'l1');
/** As the first life has left it. */
const begun = (dir: string) => cpSync(first, dir, { recursive: true });
begun(calm);
const steps = Number(live(calm, 'l2'));

test('a life without a kill tells each program once of each value', () => {
  expect(steps).toBeGreaterThan(8);
  expect(acknowledgements(calm)).toEqual([once, once]);
  for (const name of ['told-by-sink', 'told-by-secret']) expect(linesOf(calm, name)).toEqual(['l1', 'l2']);
});

const deaths = new Set<string>();

// Right before a step is right after the one before it: nothing else has an effect.
test.each(Array.from({ length: steps }, (_, fatal) => fatal))(
  'killed right after step %i, every value is acknowledged once, and told again only where nobody can know that it was',
  (fatal) => {
    const dir = join(top, String(fatal));
    begun(dir);
    expect(live(dir, 'l2', fatal)).toBe('SIGKILL');
    live(dir, 'l2');
    const death = readFileSync(join(dir, 'death'), 'utf8');
    deaths.add(death);
    expect(readFileSync(join(dir, 'value'), 'utf8')).toBe('l2');
    expect(acknowledgements(dir), death).toEqual([once, once]);
    for (const [name, step] of Object.entries({ 'told-by-sink': 'of the sink', 'told-by-secret': 'of the secret' })) {
      const wanted = death === `reload ${step}` ? ['l1', 'l2', 'l2'] : ['l1', 'l2'];
      expect(linesOf(dir, name), `${name}: killed after ${death}`).toEqual(wanted);
    }
  },
);

test('it was killed after each kind of step', () => {
  expect([...deaths].sort()).toEqual(['reload of the secret', 'reload of the sink', 'save', 'write']);
});
