import { expect, test } from 'vitest';
import { Hands } from '../../src/keeper/hands.ts';

test('a record has one hand as long as anybody has it; whoever comes back is told of to the world again', () => {
  const hands = new Hands();
  const hand = hands.of('orders-db@a', true);
  hand.isTold = true;
  expect(hands.of('orders-db@b', true)).not.toBe(hand);
  expect(hands.of('orders-db@a', false)).toBe(hand);
  expect(hand.isTold).toBe(true);
  expect(hands.of('orders-db@a', true)).toBe(hand);
  expect(hand.isTold).toBe(false);
});
