/** Just enough of the test runner to run the core's tests a hundred times a minute: the first red one ends it. */
import { JestAsymmetricMatchers, JestChaiExpect, JestExtend } from '@vitest/expect';
import { expect, use } from 'chai';

use(JestExtend);
use(JestChaiExpect);
use(JestAsymmetricMatchers);

export { expect };

const tests: { readonly name: string; readonly body: () => unknown }[] = [];
let inside = '';

export function describe(name: string, body: () => void): void {
  const outside = inside;
  inside = `${inside}${name} `;
  body();
  inside = outside;
}

export function test(name: string, body: () => unknown): void {
  tests.push({ name: `${inside}${name}`, body });
}

test.each =
  <Row extends readonly unknown[]>(rows: readonly Row[]) =>
  (name: string, body: (...row: Row) => unknown): void => {
    for (const [i, row] of rows.entries()) test(`${name} ${i}`, () => body(...row));
  };

/** Answers with the first test that turned red. */
export async function firstRed(): Promise<string | undefined> {
  for (const { name, body } of tests) {
    try {
      await body();
    } catch {
      return name;
    }
  }
  return undefined;
}
