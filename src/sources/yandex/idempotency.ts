/** Keys by which the server tells a repeated request from another one. Contract 2. */
import { createHash } from 'node:crypto';

/** For each operation the key that has not failed yet: the first is its own, the next follow from it. */
export function keys() {
  let spent = { key: '', times: 0 };
  const timesOf = (key: string): number => (spent.key === key ? spent.times : 0);
  return {
    present: (key: string): string => (timesOf(key) === 0 ? key : keyFor(`${key}/${timesOf(key)}`)),
    /** An operation that has failed is what the server answers to its key for ever. */
    spend(key: string): void {
      spent = { key, times: timesOf(key) + 1 };
    },
  };
}

/**
 * What was made for the last key, and is sent again with it: what a server says to another body is written nowhere. It
 * is in the memory of this process and nowhere else: the next one makes another, and takes what the server answers.
 */
export function sameFor<T>(make: () => T): (key: string) => T {
  let last: { readonly key: string; readonly made: T } | undefined;
  return (key) => {
    if (last?.key !== key) last = { key, made: make() };
    return last.made;
  };
}

/** The same for the same words, in the form of a random UUID, which is what is asked for. */
export function keyFor(words: string): string {
  const hex = createHash('sha256').update(words).digest('hex');
  const variant = '89ab'.charAt(Number.parseInt(hex.charAt(16), 16) % 4);
  return [
    hex.slice(0, 8),
    hex.slice(8, 12),
    `4${hex.slice(13, 16)}`,
    variant + hex.slice(17, 20),
    hex.slice(20, 32),
  ].join('-');
}
