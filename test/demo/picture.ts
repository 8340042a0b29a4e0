/** The demo's live picture: each lease as a bar on a common axis of time, and what happens beside it. */
import type { Books, LeaseBook } from '../sandbox/infisical/books.ts';
import type { LockboxBooks } from '../sandbox/yandex/books.ts';
import { rescued, rotated, rotations } from './lockbox.ts';
import type { Program } from './program.ts';

/** Of the axis of time, where there is room for it; and what stands to its left and right. */
const widest = 56;
const beside = 36;
const past = 60_000;
const ahead = 45_000;

export interface Scene {
  readonly books: Books;
  readonly lockbox: LockboxBooks;
  readonly tally: Program['tally'];
  readonly startedAt: number;
  readonly urls: readonly string[];
  /** What fires at the moment, where there is a Prometheus. */
  readonly alerts?: string;
  /** The latest words of the daemon's log. */
  readonly said: readonly string[];
}

export interface Screen {
  readonly columns: number;
  readonly rows: number;
}

/** One frame that fits: a line that the terminal breaks, or a frame that it scrolls, would spoil the next one. */
export function picture(
  { books, lockbox, tally, startedAt, urls, alerts, said }: Scene,
  { columns, rows }: Screen,
): string[] {
  const { now, leases } = books;
  const paint = (code: number, text: string) => `\u001b[${code}m${text}\u001b[0m`;
  const shown = leases.filter(({ endedAt = now }) => endedAt > now - past).slice(-8);
  const renewals = leases.reduce((sum, { renewals: all }) => sum + all.length, 0);
  const logins = books.logins.filter(({ outcome }) => outcome === 'ok').length;
  const tokenRenewals = books.tokenRenewals.filter(({ outcome }) => outcome === 'ok').length;
  const failed = tally.failures > 0 ? paint(31, `${tally.failures} failed`) : paint(32, 'none failed');
  const width = Math.max(10, Math.min(widest, columns - beside));
  const lines = [
    paint(1, `leasekeeper demo, ${Math.round((now - startedAt) / 1000)} s`),
    ...urls.map((url) => `  ${url}`),
    '',
    `  the program   ${paint(1, String(tally.uses))} uses, ${failed}; read its file ${times(tally.loads)}; now ${short(tally.user)}`,
    `  the token     logged in ${times(logins)}, renewed ${times(tokenRenewals)}`,
    `  the leases    ${leases.length} taken, renewed ${times(renewals)}`,
    `  in Lockbox    ${rotated} rotated ${times(rotations(lockbox))}; ${rescued} ${danger(lockbox, paint)}`,
    ...(alerts === undefined ? [] : [`  the alerts    ${alerts === 'none' ? paint(32, alerts) : paint(31, alerts)}`]),
    '',
    `  ${'lease'.padEnd(10)}${axis(width)}`,
    ...shown.map(
      (lease) =>
        `  ${short(lease.username).padEnd(10)}${bar(lease, now, width, paint)} ${state(lease, now, tally.user)}`,
    ),
    `  ${' '.repeat(10)}${paint(2, '█ lived  ░ to come  r renewed  │ now  ┃ wall')}`,
    '',
  ];
  const room = Math.max(0, Math.min(10, rows - 1 - lines.length));
  return [...lines, ...said.slice(said.length - room).map((line) => paint(2, `  ${line}`.slice(0, columns - 1)))];
}

/** Of the version that somebody wants to destroy. */
function danger({ versions }: LockboxBooks, paint: (code: number, text: string) => string): string {
  const ofKey = versions.filter(({ secret }) => secret === rescued);
  const scheduled = ofKey.flatMap((version) => version.scheduled).length;
  const cancelled = ofKey.flatMap((version) => version.cancelled).length;
  if (scheduled === 0) return 'is safe';
  return scheduled > cancelled ? paint(31, 'is to be DESTROYED') : paint(32, `rescued ${times(cancelled)}`);
}

const times = (count: number): string => (count === 1 ? 'once' : `${count} times`);

const column = (at: number, now: number, width: number): number =>
  Math.round(((at - now + past) / (past + ahead)) * width);

const axis = (width: number): string => {
  const nowAt = column(0, 0, width);
  return `${'-60s'.padEnd(nowAt - 1)}now${'+45s'.padStart(width - nowAt - 2)}`;
};

function bar(lease: LeaseBook, now: number, width: number, paint: (code: number, text: string) => string): string {
  const at = (instant: number) => column(instant, now, width);
  const end = lease.endedAt ?? lease.expireAt;
  const cells: string[] = Array.from({ length: width + 1 }, (_, i) => {
    if (i < at(lease.createdAt) || i > at(end)) return ' ';
    return i <= at(now) ? '█' : '░';
  });
  const put = (instant: number, mark: string) => {
    const i = at(instant);
    if (i >= 0 && i <= width) cells[i] = mark;
  };
  if (lease.maxExpireAt !== null && !lease.endedAt) put(lease.maxExpireAt, '┃');
  put(now, '│');
  for (const renewal of lease.renewals) put(renewal.at, 'r');
  return paint(lease.endedAt ? 90 : 36, cells.join(''));
}

function state(lease: LeaseBook, now: number, user: string): string {
  if (lease.endedAt) return lease.endedBy === 'revoked' ? 'ended by us' : `${lease.endedBy}`;
  const left = `${Math.max(0, Math.round((lease.expireAt - now) / 1000))} s`;
  return lease.username === user ? `in use, ends in ${left}` : `ends in ${left}`;
}

const short = (name: string): string => (name.length > 8 ? name.slice(0, 8) : name);
