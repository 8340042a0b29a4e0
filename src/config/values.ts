/** The scalar values of the YAML file, as every part of it writes them. Plugins use them in their options. */
import { z } from 'zod';
import { parseDuration } from '../core/time.ts';

/** `90s`, `5m`, `1h30m`, `7d`; becomes milliseconds. */
export const duration = z
  .string('a length of time with its unit, such as 90s, 5m, 1h30m or 7d')
  .transform((text, context) => {
    const length = parseDuration(text.trim());
    if (length !== undefined) return length;
    context.addIssue({
      code: 'custom',
      message: `not a length of time: write it with its unit, such as 90s, 5m, 1h30m or 7d`,
    });
    return z.NEVER;
  });

/** `67%`; becomes a number between 0 and 1. */
export const share = z.string('a share such as 67%').transform((text, context) => {
  const number = /^(\d+(?:\.\d+)?)%$/.exec(text.trim())?.[1];
  if (number !== undefined && Number(number) <= 100) return Number(number) / 100;
  context.addIssue({ code: 'custom', message: 'not a share: write a percentage such as 67%' });
  return z.NEVER;
});

/** `"0640"`, quoted: YAML would read it as a decimal number. Becomes the number that `chmod` takes. */
export const mode = z
  .string({
    error: ({ input }) =>
      `write the mode in quotes, as four octal digits: mode: "0640"${typeof input === 'number' ? ' (unquoted, YAML reads a decimal number)' : ''}`,
  })
  .regex(/^0?[0-7]{3}$/, 'four octal digits in quotes, such as "0640"')
  .transform((text) => Number.parseInt(text, 8));

/** `"uid:gid"`, both as numbers: names differ from one container to the next. */
export const owner = z
  .string('"uid:gid", both as numbers, such as "1000:1000"')
  .regex(/^\d+:\d+$/, '"uid:gid", both as numbers, such as "1000:1000"')
  .transform((text) => {
    const [uid = 0, gid = 0] = text.split(':').map(Number);
    return { uid, gid };
  });
