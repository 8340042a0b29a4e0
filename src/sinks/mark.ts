/** Marks: by which a sink knows again what it wrote. */
import { createHash, timingSafeEqual } from 'node:crypto';

/** What begins the marks of all that was made by these options and no others. Holds no value. */
export const shapeOf = (facts: unknown): string =>
  createHash('sha256').update(JSON.stringify(facts)).digest('base64url').slice(0, 12);

/** As long for one that differs early as for one that differs late. */
export const isEqual = (a: string, b: string): boolean =>
  Buffer.byteLength(a) === Buffer.byteLength(b) && timingSafeEqual(Buffer.from(a), Buffer.from(b));
