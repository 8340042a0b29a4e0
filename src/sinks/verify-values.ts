/** The values that a check asks for by their keys. */
import { LeaseError } from '../core/failure.ts';
import type { Material } from '../core/material.ts';

/** What is asked for and not there is as likely a mistake of the configuration as one of the values: it is no no. */
export function valueAt(material: Material, key: string): string {
  const value = material.reveal(key);
  if (value === undefined) throw unfit(key, 'is missing, and verify asks for it');
  return value;
}

export const unfit = (key: string, why: string): LeaseError =>
  new LeaseError('unavailable', `the value of the key ${JSON.stringify(key)} ${why}`);
