import { readdirSync, readFileSync } from 'node:fs';
import { defineConfig } from 'vitest/config';
import { BaseSequencer, type TestSpecification } from 'vitest/node';

/** What takes longest, of which some are short to read: begun first, so that nothing is waited for alone at the end. */
const longest = [
  'redis-away',
  'worlds',
  'directory-whole',
  'sealing',
  'commands',
  'stories',
  'chaos',
  'crashes',
  'years',
  'conformance/sinks',
  'clocks',
  'crash',
  'daemon',
  'page',
  'killed',
  'lockbox',
  'reload',
  'prometheus',
  'rules',
];

class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const rank = ({ moduleId }: TestSpecification) => {
      const at = longest.findIndex((name) => moduleId.endsWith(`/${name}.test.ts`));
      return at < 0 ? longest.length : at;
    };
    return (await super.sort(files)).sort((a, b) => rank(a) - rank(b));
  }
}

const files = readdirSync('test', { recursive: true, encoding: 'utf8' })
  .filter((name) => name.endsWith('.test.ts'))
  .map((name) => `test/${name}`);

/**
 * Who puts something in the place of a module or of a clock, and who starts whole programs, has modules of his own.
 * All others share them, since to load them takes as long as most tests.
 */
const needsOwnModules = (file: string): boolean =>
  /^test\/(integration|chaos)\//.test(file) || /^import .*\bvi\b.* from 'vitest'/m.test(readFileSync(file, 'utf8'));
const own = files.filter(needsOwnModules);

export default defineConfig({
  test: {
    globalSetup: ['test/support/build-bundle.ts'],
    projects: [
      { extends: true, test: { name: 'own modules', include: own, isolate: true } },
      { extends: true, test: { name: 'shared modules', include: ['test/**/*.test.ts'], exclude: own, isolate: false } },
    ],
    // Only what hangs is to fail by it: a machine that is busy with other things takes many times as long.
    testTimeout: 300_000,
    hookTimeout: 120_000,
    // Much of what is tested is waiting: more than there are cores.
    maxWorkers: 5,
    sequence: { sequencer: LongestFirst },
  },
});
