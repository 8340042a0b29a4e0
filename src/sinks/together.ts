/** Checks of options that are each right, but not together: asked also where another one is wrong. */
import type { z } from 'zod';

/** `path` begins with the option; `message` says what it is, and after a colon what to do about it. */
export type Problem = (path: string[], message: string) => void;

/**
 * The schema with a check of all its options together, so that every mistake is told at once. The check does not see
 * the options that are wrong by themselves; what it would say of one of those is not told, it has been told of already. Which those are it may want to know: `wrong`.
 */
export function together<Schema extends z.ZodObject>(
  schema: Schema,
  check: (options: Partial<z.output<Schema>>, problem: Problem, wrong: ReadonlySet<PropertyKey>) => void,
): Schema {
  return schema.superRefine(
    (parsed, context) => {
      const wrong = new Set(context.issues.flatMap(({ path = [] }) => path.slice(0, 1)));
      const right = Object.fromEntries(Object.entries(parsed).filter(([name]) => !wrong.has(name)));
      const problem: Problem = (path, message) => {
        if (!wrong.has(path[0] ?? '')) context.addIssue({ code: 'custom', path, message });
      };
      check(right as Partial<z.output<Schema>>, problem, wrong);
    },
    { when: ({ value }) => typeof value === 'object' && value !== null && !Array.isArray(value) },
  );
}
