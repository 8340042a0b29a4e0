import { defineConfig } from 'vitest/config';
import { BaseSequencer, type TestSpecification } from 'vitest/node';

/** What takes longest, of which some are short to read: begun first, so that nothing is waited for alone at the end. */
const longest = [
  'redis-away',
  'worlds',
  'chaos',
  'years',
  'clocks',
  'daemon',
  'sealing',
  'crash',
  'crashes',
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

/** Many small files that share nothing but modules: a process keeps those from one file to the next. */
const light = ['core', 'config', 'contract', 'keeper', 'observability', 'sources', 'state'].map(
  (folder) => `test/${folder}/**/*.test.ts`,
);

export default defineConfig({
  test: {
    globalSetup: ['test/support/build-bundle.ts'],
    projects: [
      { extends: true, test: { name: 'light', include: light, isolate: false } },
      { extends: true, test: { name: 'heavy', include: ['test/**/*.test.ts'], exclude: light } },
    ],
    testTimeout: 120_000,
    hookTimeout: 60_000,
    // Much of what is tested is waiting: one more than there are cores.
    maxWorkers: 3,
    sequence: { sequencer: LongestFirst },
  },
});
