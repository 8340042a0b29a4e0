/** A map as it came in JSON, with each of its keys: `z.record` leaves out `__proto__`, which others may well choose. */
import { z } from 'zod';

export const jsonMap = <Value extends z.ZodType>(value: Value) =>
  z.preprocess(
    (found) => (typeof found === 'object' && found !== null && !Array.isArray(found) ? Object.entries(found) : found),
    z.array(z.tuple([z.string(), value])).transform((all): Record<string, z.output<Value>> => Object.fromEntries(all)),
  );
