/** What a sink is given in tests: its surroundings, and something to write. */
import { steadyClock, wallClock } from '../../src/clock.ts';
import { Material } from '../../src/core/material.ts';
import type { SinkDeps } from '../../src/sinks/define.ts';
import type { Delivery } from '../../src/sinks/sink.ts';

export const someSinkDeps = (change: Partial<SinkDeps> = {}): SinkDeps => ({
  markKey: Buffer.alloc(32),
  env: { PATH: process.env['PATH'] },
  clock: steadyClock(),
  wallClock,
  pid: process.pid,
  ...change,
});

export const aDelivery = (
  values: Readonly<Record<string, string>> = { A: '1' },
  change: Partial<Delivery> = {},
): Delivery => ({ secret: 's', lease: 'l', generation: 0, sequence: 1, material: new Material(values), ...change });
