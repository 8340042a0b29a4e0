/** What is sealed or signed as one thing is nothing else. */
import { expect, test } from 'vitest';
import { Material } from '../../src/core/material.ts';
import { aRing, aSealing } from '../support/key-ring.ts';

const sealing = aSealing('{one}');
const material = new Material({ password: 'S3CRET' });
const holding = { lease: 'l1', generation: 12 };
const sealed = sealing.seal('orders-db', holding, material);
const passwordIn = (opened: Material | undefined) => opened?.reveal('password');

test('values are opened as what they were sealed as, by the key that sealed them or a ring that has it', () => {
  expect(passwordIn(sealing.open('orders-db', holding, sealed))).toBe('S3CRET');
  expect(passwordIn(aSealing('{one}', aRing(2, 1)).open('orders-db', holding, sealed))).toBe('S3CRET');
  expect(aSealing('{one}', aRing(2)).open('orders-db', holding, sealed)).toBeUndefined();
});

test.each([
  ['another secret', '{one}', 'orders-dc', holding],
  ['another lease', '{one}', 'orders-db', { lease: 'l2', generation: 12 }],
  ['another generation', '{one}', 'orders-db', { lease: 'l1', generation: 13 }],
  ['another prefix', '{two}', 'orders-db', holding],
  ['the same letters, parted otherwise', '{one}', 'orders-dbl', { lease: '1', generation: 12 }],
  ['the same letters and digits, parted otherwise', '{one}', 'orders-db', { lease: 'l11', generation: 2 }],
])('values are not those of %s', (_, keys, secret, other) => {
  expect(aSealing(keys).open(secret, other, sealed)).toBeUndefined();
});

test('the same values are never sealed alike', () => {
  const all = new Set(Array.from({ length: 100 }, () => sealing.seal('orders-db', holding, material).slice(17, 33)));
  expect(all.size).toBe(100);
});

test.each([
  ['another secret', '{one}', 'b', 7, 'text'],
  ['another revision', '{one}', 'a', 8, 'text'],
  ['another text', '{one}', 'a', 7, 'test'],
  ['another prefix', '{two}', 'a', 7, 'text'],
  ['the same letters, parted otherwise', '{one}', 'a7', '', 'text'],
])('a record is not signed as %s', (_, keys, secret, revision, text) => {
  const signature = sealing.sign('a', 7, 'text');
  expect(() => sealing.check('a', 7, 'text', signature)).not.toThrow();
  expect(() => aSealing(keys).check(secret, revision, text, signature)).toThrow('its signature does not fit');
});

test('a signature that is missing, cut short, or of a strange key is none', () => {
  const signature = sealing.sign('a', 7, 'text');
  const check = (given: string | undefined) => () => sealing.check('a', 7, 'text', given);
  expect(check(undefined)).toThrow('it is not signed');
  expect(check('')).toThrow('it is not signed');
  expect(check(signature.slice(17))).toThrow('it is not signed');
  expect(check(signature.slice(0, 17))).toThrow('its signature does not fit');
  expect(check(signature.slice(0, 40))).toThrow('its signature does not fit');
  expect(check(aSealing('{one}', aRing(2)).sign('a', 7, 'text'))).toThrow(aRing(2).present.id);
});

test('the key of the fingerprints is opened under its prefix only, and is no value', () => {
  const key = Buffer.alloc(32, 9);
  const wrapped = sealing.wrap(key);
  expect(sealing.unwrap(wrapped)).toEqual(key);
  expect(aSealing('{one}', aRing(2, 1)).unwrap(wrapped)).toEqual(key);
  expect(aSealing('{two}').unwrap(wrapped)).toBeUndefined();
  expect(sealing.unwrap(sealed)).toBeUndefined();
  expect(sealing.unwrap('')).toBeUndefined();
});
