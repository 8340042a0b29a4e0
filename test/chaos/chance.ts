/** Chance that can be had again: the same seed draws the same numbers. */

export interface Chance {
  /** In [from, to). */
  between(from: number, to: number): number;
  pick<T>(among: readonly T[]): T;
  /** One of them, as often as its weight says. */
  weighted<T extends { readonly weight: number }>(among: readonly T[]): T;
}

/** Marsaglia's xorshift, 32 bits: short, and the same on every machine. */
export function chanceOf(seed: number): Chance {
  let state = (Math.imul(seed, 0x9e3779b1) ^ 0x6d2b79f5) >>> 0 || 1;
  const next = () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    state >>>= 0;
    return state / 2 ** 32;
  };
  for (let i = 0; i < 8; i++) next();
  const pick = <T>(among: readonly T[]): T => {
    const found = among[Math.floor(next() * among.length)];
    if (found === undefined) throw new Error('there is nothing to pick from');
    return found;
  };
  return {
    between: (from, to) => from + next() * (to - from),
    pick,
    weighted(among) {
      const total = among.reduce((sum, { weight }) => sum + weight, 0);
      let left = next() * total;
      for (const one of among) {
        left -= one.weight;
        if (left < 0) return one;
      }
      return pick(among);
    },
  };
}
