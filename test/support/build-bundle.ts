/** Before any test: makes the bundle that integration tests run, so that what is tested is what is shipped. */
import { spawnSync } from 'node:child_process';
import { keepPrograms } from './program.ts';

/** Answers with what clears up after all tests. */
export default function setup(): () => void {
  const { status, stderr } = spawnSync(process.execPath, ['build.mjs'], { encoding: 'utf8' });
  if (status !== 0) throw new Error(`the bundle could not be made:\n${stderr}`);
  return keepPrograms();
}
