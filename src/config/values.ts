/** The scalar values of the YAML file, as every part of it writes them. Plugins use them in their options. */
import { z } from 'zod';
import { parseDuration } from '../core/time.ts';

const notALength = 'not a length of time: write it with its unit, such as 90s, 5m, 1h30m or 7d';

/** `90s`, `5m`, `1h30m`, `7d`; becomes milliseconds. */
export const duration = z
  .string(notALength)
  .describe('A length of time with its unit: 90s, 5m, 1h30m, 7d')
  .transform((text, context) => {
    const length = parseDuration(text.trim());
    if (length !== undefined && Number.isSafeInteger(length)) return length;
    const isNegative = parseDuration(text.trim().replace(/^-/, '')) !== undefined;
    context.addIssue({
      code: 'custom',
      message: isNegative ? 'a length of time cannot be negative: write one such as 5m' : notALength,
    });
    return z.NEVER;
  });

/** `67%`; becomes a number between 0 and 1. */
export const share = z
  .string('not a share: write a percentage such as 67%')
  .describe('A percentage: 67%')
  .transform((text, context) => {
    const number = /^(\d+(?:\.\d+)?)%$/.exec(text.trim())?.[1];
    if (number !== undefined && Number(number) <= 100) return Number(number) / 100;
    context.addIssue({
      code: 'custom',
      message:
        number === undefined
          ? 'not a share: write a percentage such as 67%'
          : 'a share cannot be more than 100%: write a percentage such as 67%',
    });
    return z.NEVER;
  });

const octal = 'not a file mode: write four octal digits in quotes, such as "0640"';

/** `"0640"`, quoted: YAML would read it as a decimal number. Becomes the number that `chmod` takes. */
export const mode = z
  .string({
    error: ({ input }) =>
      typeof input === 'number'
        ? 'a file mode without quotes is a decimal number to YAML: write it in quotes, such as mode: "0640"'
        : octal,
  })
  .regex(/^0?[0-7]{3}$/, octal)
  .describe('Four octal digits in quotes: "0640"')
  .transform((text) => Number.parseInt(text, 8));

const numbers = 'not an owner: write "uid:gid", both as numbers, such as "1000:1000"';

/** `"uid:gid"`, both as numbers: names differ from one container to the next. */
export const owner = z
  .string(numbers)
  .regex(/^\d{1,10}:\d{1,10}$/, numbers)
  .describe('"uid:gid", both as numbers: "1000:1000"')
  .transform((text) => {
    const [uid = 0, gid = 0] = text.split(':').map(Number);
    return { uid, gid };
  });

/** A path from the root, `/a/b`: what the daemon's working directory is should not matter. */
export const absolutePath = z
  .string('not a path: write it from the root, such as /run/secrets/app')
  .refine((path) => path.startsWith('/'), 'a relative path: write it from the root, such as /run/secrets/app')
  .refine((path) => !path.includes('\0'), 'a path with a NUL character: remove it');

/** A file that we log in with, read at every use: it has to be there. */
export const fileToRead = absolutePath.describe('A file that has to be there');
