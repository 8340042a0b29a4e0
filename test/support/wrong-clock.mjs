/** Preloaded into a daemon: its wall clock is wrong by as many milliseconds as a file says, from then on when it says so. */
import { readFileSync } from 'node:fs';

const file = process.env.WRONG_CLOCK;
const right = Date.now.bind(Date);
let readAt = Number.NEGATIVE_INFINITY;
let wrongBy = 0;

Date.now = () => {
  const now = performance.now();
  if (file !== undefined && now - readAt > 100) {
    readAt = now;
    wrongBy = Number(readFileSync(file, 'utf8'));
  }
  return right() + wrongBy;
};
