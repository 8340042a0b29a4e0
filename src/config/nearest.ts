/** Which of the known words was probably meant. */

/** Insertions, deletions, replacements and swapped neighbours that turn one word into the other. */
export function distance(from: string, to: string): number {
  let before: number[] = [];
  let last = Array.from({ length: to.length + 1 }, (_, column) => column);
  for (let row = 1; row <= from.length; row += 1) {
    const next = [row];
    for (let column = 1; column <= to.length; column += 1) {
      const same = from[row - 1] === to[column - 1];
      const swapped = row > 1 && column > 1 && from[row - 1] === to[column - 2] && from[row - 2] === to[column - 1];
      next[column] = Math.min(
        (last[column] ?? 0) + 1,
        (next[column - 1] ?? 0) + 1,
        (last[column - 1] ?? 0) + (same ? 0 : 1),
        swapped ? (before[column - 2] ?? 0) + 1 : Number.POSITIVE_INFINITY,
      );
    }
    before = last;
    last = next;
  }
  return last[to.length] ?? 0;
}

/** Longer words are no keys of ours. */
const longest = 60;

/** Of a part of a known word at least so much is written: `HUP` for `SIGHUP`. */
const shortestPart = 3;

/**
 * The nearest known word, where one is near enough to be meant: a third of its letters may be wrong, or one is a part
 * of the other. Case is no mistake.
 */
export function nearest(word: string, known: Iterable<string>): string | undefined {
  if (word.length > longest) return undefined;
  let best: { readonly word: string; readonly away: number } | undefined;
  for (const candidate of known) {
    if (candidate.length > longest) continue;
    const [written, wanted] = [word.toLowerCase(), candidate.toLowerCase()];
    const away = distance(written, wanted);
    const isNear = away <= Math.max(1, Math.floor(wanted.length / 3)) && away < wanted.length - 1;
    if ((isNear || isPart(written, wanted)) && away < (best?.away ?? Number.POSITIVE_INFINITY)) {
      best = { word: candidate, away };
    }
  }
  return best?.word;
}

const isPart = (one: string, other: string): boolean =>
  Math.min(one.length, other.length) >= shortestPart && (one.includes(other) || other.includes(one));

/** The remedy for a word that is not known: the one that is near, or else all of them. */
export function meant(word: string | undefined, known: readonly string[]): string | undefined {
  const near = word === undefined ? undefined : nearest(word, known);
  if (near !== undefined) return `did you mean ${near}?`;
  if (known.length === 0) return undefined;
  return known.length === 1 ? `write ${known[0]}` : `one of ${[...known].sort().join(', ')}`;
}
