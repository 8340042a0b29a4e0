/** Values that were put together from several secrets: each has its own, and none is taken for another's. */
import { expect, test } from 'vitest';
import { Material } from '../../src/core/material.ts';

const parts = (all: Readonly<Record<string, Readonly<Record<string, string>>>>) =>
  Material.together(new Map(Object.entries(all).map(([name, values]) => [name, new Material(values)])));

test('a value of one secret alone is known by its key, also where there is but one secret', () => {
  expect(new Material({ user: 'u' }).reveal('user')).toBe('u');
  expect(parts({ orders: { user: 'u' } }).reveal('user')).toBe('u');
  const both = parts({ orders: { user: 'u' }, mail: { password: 'p' } });
  expect([both.reveal('user'), both.reveal('password'), both.reveal('orders/user')]).toEqual(['u', 'p', 'u']);
  expect(both.reveal('nothing')).toBeUndefined();
});

test('a key that two secrets have tells nothing without its secret, and both are named', () => {
  const both = parts({ orders: { user: 'u' }, mail: { user: 'm' } });
  expect(() => both.reveal('user')).toThrow('the key "user" is in orders and mail');
  expect([both.reveal('orders/user'), both.reveal('mail/user')]).toEqual(['u', 'm']);
});
