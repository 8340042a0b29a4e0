/** The common axis of time: now stands still, what is near has room, and a year still fits beside a minute. */

const second = 1_000;
const minute = 60 * second;
const hour = 60 * minute;
const day = 24 * hour;

/** Where now is, as a share of the width. */
export const nowAt = 0.2;

export interface Reach {
  /** How far back and how far ahead it shows, in milliseconds. */
  readonly past: number;
  readonly future: number;
}

const reaches = [10 * minute, hour, 6 * hour, day, 7 * day, 30 * day, 90 * day, 400 * day, 4_000 * day, 40_000 * day];

/** Wide enough for these distances from now, and not much wider, so that it seldom changes. */
export function reachFor(distances: readonly number[]): Reach {
  const past = Math.max(0, ...distances.map((one) => -one));
  const future = Math.max(0, ...distances);
  return { past: enough(past), future: enough(future) };
}

const enough = (distance: number): number => reaches.find((one) => one >= distance) ?? Number(reaches.at(-1));

const near = (distance: number): number => Math.log1p(Math.abs(distance) / (10 * second));

/** The share of the width at which something so far from now is; what lies outside is at the edge. */
export function place(distance: number, { past, future }: Reach): number {
  const share = distance < 0 ? -(near(distance) / near(past)) * nowAt : (near(distance) / near(future)) * (1 - nowAt);
  return Math.min(1, Math.max(0, nowAt + share));
}

export interface Tick {
  readonly at: number;
  readonly label: string;
}

const steps: readonly (readonly [number, string])[] = [
  [10 * second, '10 s'],
  [minute, '1 min'],
  [5 * minute, '5 min'],
  [15 * minute, '15 min'],
  [hour, '1 h'],
  [3 * hour, '3 h'],
  [12 * hour, '12 h'],
  [day, '1 d'],
  [3 * day, '3 d'],
  [7 * day, '1 w'],
  [30 * day, '30 d'],
  [90 * day, '90 d'],
  [365 * day, '1 y'],
  [3_650 * day, '10 y'],
  [36_500 * day, '100 y'],
];

/** None so close to the last that their words would touch. `room`: the share of the width that a word needs. */
export function ticksOf(reach: Reach, room: number): readonly Tick[] {
  const ahead = spaced(steps, (distance) => distance, reach, room);
  const behind = spaced(steps, (distance) => -distance, reach, room);
  return [...behind, { at: nowAt, label: 'now' }, ...ahead];
}

function spaced(all: typeof steps, sign: (distance: number) => number, reach: Reach, room: number): readonly Tick[] {
  let last = nowAt;
  return all.flatMap(([distance, word]) => {
    const signed = sign(distance);
    const at = place(signed, reach);
    if (Math.abs(at - last) < room || at > 1 - room / 2 || at < room / 2) return [];
    last = at;
    return [{ at, label: signed < 0 ? `−${word}` : word }];
  });
}
