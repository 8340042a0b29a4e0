import { expect, test } from 'vitest';
import { type Counters, steadyClock } from '../src/clock.ts';
import { hours, minutes, seconds } from '../src/core/time.ts';

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

test('how far the wall clock was set is told once, and neither what passes nor what is slept through counts', () => {
  const machine = aMachine();
  const clock = steadyClock(machine.counters);
  machine.passes(hours(1));
  machine.sleeps(hours(1));
  clock.catchUp();
  expect(clock.wallStep()).toBe(0);
  const now = clock.now();
  machine.isSetTo(now + minutes(8));
  expect(clock.wallStep()).toBe(minutes(8));
  expect(clock.wallStep()).toBe(0);
  machine.isSetTo(now);
  expect(clock.wallStep()).toBe(-minutes(8));
  expect(clock.now()).toBe(now);
});

test('a wall clock that a time server puts right little by little was not set, however far that goes', () => {
  const machine = aMachine();
  const clock = steadyClock(machine.counters);
  for (let second = 1; second <= 60; second++) {
    machine.passes(seconds(1));
    machine.isSetTo(clock.now() + second * 100);
    expect(clock.wallStep()).toBe(0);
  }
});
