import { expect, test } from 'vitest';
import { type Counters, steadyClock } from '../src/clock.ts';
import { hours, seconds } from '../src/core/time.ts';

/** A machine whose clocks are moved by hand. */
function aMachine() {
  const clocks = { wall: 1_000_000, monotonic: 500, sinceBoot: 90_000 };
  const counters: Counters = {
    wall: () => clocks.wall,
    monotonic: () => clocks.monotonic,
    sinceBoot: () => clocks.sinceBoot,
  };
  return {
    counters,
    passes: (time: number) => {
      clocks.wall += time;
      clocks.monotonic += time;
      clocks.sinceBoot += time;
    },
    sleeps: (time: number) => {
      clocks.wall += time;
      clocks.sinceBoot += time;
    },
    isSetTo: (wall: number) => {
      clocks.wall = wall;
    },
  };
}

test('the steady clock starts at the wall clock, and goes on without it', () => {
  const machine = aMachine();
  const clock = steadyClock(machine.counters);
  expect(clock.now()).toBe(1_000_000);
  machine.isSetTo(0);
  machine.passes(seconds(5));
  expect(clock.catchUp()).toBe(0);
  expect(clock.now()).toBe(1_005_000);
  machine.isSetTo(1_000_000 + hours(24));
  expect(clock.catchUp()).toBe(0);
  expect(clock.now()).toBe(1_005_000);
});

test('time that the machine slept through is made up for, once', () => {
  const machine = aMachine();
  const clock = steadyClock(machine.counters);
  machine.passes(seconds(5));
  machine.sleeps(hours(3));
  expect(clock.now()).toBe(1_005_000);
  expect(clock.catchUp()).toBe(hours(3));
  expect(clock.now()).toBe(1_005_000 + hours(3));
  expect(clock.catchUp()).toBe(0);
  machine.sleeps(seconds(30));
  expect(clock.catchUp()).toBe(seconds(30));
  expect(clock.now()).toBe(1_035_000 + hours(3));
});

test('what only reading the clocks takes is no sleep, and does not add up to one', () => {
  const machine = aMachine();
  const clock = steadyClock(machine.counters);
  for (let i = 0; i < 3; i++) {
    machine.passes(seconds(1));
    machine.sleeps(10);
    expect(clock.catchUp()).toBe(0);
    machine.sleeps(-10);
  }
  expect(clock.now()).toBe(1_003_000);
});

test('on this machine no sleep is seen where there is none', () => {
  expect(steadyClock().catchUp()).toBe(0);
});
