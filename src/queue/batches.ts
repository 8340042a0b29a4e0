/** So many are asked of Redis at a time. */
const batch = 200;

export async function inBatches<T>(all: readonly T[], each: (one: T) => Promise<void>): Promise<void> {
  for (let from = 0; from < all.length; from += batch) await Promise.all(all.slice(from, from + batch).map(each));
}
