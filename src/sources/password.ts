/** Makes a password, every one that is allowed being as likely as any other. */
import { createHmac, randomInt } from 'node:crypto';
import { z } from 'zod';

export const classes = {
  uppercase: 'ABCDEFGHIJKLMNOPQRSTUVWXYZ',
  lowercase: 'abcdefghijklmnopqrstuvwxyz',
  digits: '0123456789',
  punctuation: '!"#$%&\'()*+,-./:;<=>?@[\\]^_`{|}~',
} as const;
export type CharacterClass = keyof typeof classes;

export interface PasswordRules {
  readonly length: number;
  /** At least one character of each. */
  readonly classes: readonly CharacterClass[];
  /** None of these characters. */
  readonly exclude: string;
}

/** What is left of each class that is asked for. */
export const alphabetsOf = ({ classes: wanted, exclude }: Omit<PasswordRules, 'length'>): readonly string[] =>
  [...new Set(wanted)].map((name) => [...classes[name]].filter((character) => !exclude.includes(character)).join(''));

/** A number from 0 on, below that one: each as likely as any other. */
export type Draw = (below: number) => number;

/** The same numbers for the same seed, and for nobody who does not have it: a try that is repeated makes the same. */
export function drawFrom(seed: Buffer): Draw {
  let block = 0;
  let numbers: number[] = [];
  const next = (): number => {
    if (numbers.length === 0) {
      const bytes = createHmac('sha256', seed).update(String(block++)).digest();
      numbers = Array.from({ length: 8 }, (_, n) => bytes.readUInt32BE(n * 4));
    }
    return numbers.pop() ?? 0;
  };
  return (below) => {
    // What is left over at the top would make the lowest likelier.
    const most = Math.floor(2 ** 32 / below) * below;
    for (;;) {
      const number = next();
      if (number < most) return number % below;
    }
  };
}

const classNames = Object.keys(classes) as [CharacterClass, ...CharacterClass[]];

/** What the configuration may say of a value that is made here. */
export const passwordOptions = {
  length: z.int().min(8).max(1024).default(32).describe('Characters of the value. Default: 32'),
  classes: z
    .array(z.enum(classNames))
    .min(1, 'no characters are left: name at least one class')
    .default(['uppercase', 'lowercase', 'digits'])
    .describe('Kinds of characters, of each at least one. Default: uppercase, lowercase, digits'),
  exclude: z.string().max(100).default('').describe('Characters that are not used'),
};

/** Can they be kept to? */
export function refineRules(rules: PasswordRules, context: z.RefinementCtx): void {
  if (alphabetsOf(rules).every((alphabet) => alphabet !== '')) return;
  context.addIssue({
    code: 'custom',
    path: ['exclude'],
    message: 'nothing is left of one of the classes: exclude less, or name the classes without it',
  });
}

/**
 * The rules have to leave something of each class, and room for one character of each. One that lacks a class is thrown
 * away whole: to put the missing character in would make some passwords likelier than others.
 */
export function makePassword(rules: PasswordRules, draw: Draw = randomInt): string {
  const alphabets = alphabetsOf(rules);
  const all = alphabets.join('');
  for (;;) {
    const characters = Array.from({ length: rules.length }, () => all.charAt(draw(all.length)));
    if (alphabets.every((alphabet) => characters.some((one) => alphabet.includes(one)))) return characters.join('');
  }
}
