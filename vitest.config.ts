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

export default defineConfig({
  test: {
    globalSetup: ['test/support/build-bundle.ts'],
    include: ['test/**/*.test.ts'],
    testTimeout: 120_000,
    hookTimeout: 60_000,
    // Much of what is tested is waiting: more than there are cores.
    maxWorkers: 4,
    sequence: { sequencer: LongestFirst },
  },
});
