/** Keys for tests, the same for the same numbers. */
import { type KeyRing, keyRing } from '../../src/state/keys.ts';
import { type Sealing, sealing } from '../../src/state/seal.ts';

/** The first seals, all open. */
export const aRing = (...numbers: readonly number[]): KeyRing =>
  keyRing((numbers.length > 0 ? numbers : [1]).map((number) => Buffer.alloc(32, number)));

export const aSealing = (keys: string, ring: KeyRing = aRing()): Sealing => sealing(ring, keys);
