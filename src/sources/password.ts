/** Makes a password, every one that is allowed being as likely as any other. */
import { randomInt } from 'node:crypto';

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

/**
 * The rules have to leave something of each class, and room for one character of each. One that lacks a class is thrown
 * away whole: to put the missing character in would make some passwords likelier than others.
 */
export function makePassword(rules: PasswordRules): string {
  const alphabets = alphabetsOf(rules);
  const all = alphabets.join('');
  for (;;) {
    const characters = Array.from({ length: rules.length }, () => all.charAt(randomInt(all.length)));
    if (alphabets.every((alphabet) => characters.some((one) => alphabet.includes(one)))) return characters.join('');
  }
}
