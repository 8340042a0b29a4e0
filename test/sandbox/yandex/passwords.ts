/** Makes values by a password specification (contract 3, PasswordPayloadSpecification). */
import { randomInt } from 'node:crypto';
import type { PasswordSpec } from './spec.ts';
import { malformed } from './status.ts';

const allPunctuation = '!"#$%&\'()*+,-./:;<=>?@[\\]^_`{|}~';
const usualLength = 36;

const pick = (from: string): string => from[randomInt(from.length)] ?? '';

/** At least one character of each class that is included. Throws INVALID_ARGUMENT where there can be none. */
export function makePassword(spec: PasswordSpec): string {
  const length = spec.length || usualLength;
  const classes = classesOf(spec);
  if (classes.length === 0 || length < classes.length) {
    throw malformed('No password can be made by the payload specification');
  }
  const characters = classes.map(pick);
  const all = classes.join('');
  while (characters.length < length) characters.splice(randomInt(characters.length + 1), 0, pick(all));
  return characters.join('');
}

function classesOf(spec: PasswordSpec): readonly string[] {
  const { includedPunctuation, excludedPunctuation = '' } = spec;
  const punctuation = [...(includedPunctuation || allPunctuation)].filter((one) => !excludedPunctuation.includes(one));
  const classes = [
    spec.includeUppercase === false ? '' : 'ABCDEFGHIJKLMNOPQRSTUVWXYZ',
    spec.includeLowercase === false ? '' : 'abcdefghijklmnopqrstuvwxyz',
    spec.includeDigits === false ? '' : '0123456789',
    spec.includePunctuation === false ? '' : punctuation.join(''),
  ];
  return classes.filter((characters) => characters !== '');
}
