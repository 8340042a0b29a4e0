/** The demo's live picture: each lease as a bar on a common axis of time, and what happens beside it. */
import type { Books, LeaseBook } from '../sandbox/infisical/books.ts';
import type { Program } from './program.ts';

const width = 56;
const past = 30_000;
const ahead = 26_000;

export interface Scene {
  readonly books: Books;
  readonly tally: Program['tally'];
  readonly startedAt: number;
  readonly urls: readonly string[];
  /** The latest words of the daemon's log. */
  readonly said: readonly string[];
}

/** One frame, as lines that fit: a line that the terminal breaks would spoil the next frame. */
export function picture({ books, tally, startedAt, urls, said }: Scene, columns: number): string[] {
  const { now, leases } = books;
  const paint = (code: number, text: string) => `\u001b[${code}m${text}\u001b[0m`;
  const shown = leases.filter(({ endedAt = now }) => endedAt > now - past).slice(-8);
  const renewals = leases.reduce((sum, { renewals: all }) => sum + all.length, 0);
  const logins = books.logins.filter(({ outcome }) => outcome === 'ok').length;
  const tokenRenewals = books.tokenRenewals.filter(({ outcome }) => outcome === 'ok').length;
  const failed = tally.failures > 0 ? paint(31, `${tally.failures} failed`) : paint(32, 'none failed');
  return [
    paint(1, `leasekeeper demo, ${Math.round((now - startedAt) / 1000)} s`),
    ...urls.map((url) => `  ${url}`),
    '',
    `  the program   ${paint(1, String(tally.uses))} uses, ${failed}; ${tally.loads} times read its file; now ${short(tally.user)}`,
    `  the token     ${logins} logins, ${tokenRenewals} renewals`,
    `  the leases    ${leases.length} taken, ${renewals} renewals`,
    '',
    `  ${'lease'.padEnd(10)}${axis()}`,
    ...shown.map(
      (lease) => `  ${short(lease.username).padEnd(10)}${bar(lease, now, paint)} ${state(lease, now, tally.user)}`,
    ),
    `  ${' '.repeat(10)}${paint(2, '█ lived  ░ to come  r renewed  │ now  ┃ wall')}`,
    '',
    ...said.slice(-10).map((line) => paint(2, `  ${line}`.slice(0, columns - 1))),
  ];
}

const column = (at: number, now: number): number => Math.round(((at - now + past) / (past + ahead)) * width);

const axis = (): string => {
  const nowAt = column(0, 0);
  return `${'-30s'.padEnd(nowAt - 1)}now${'+26s'.padStart(width - nowAt - 2)}`;
};

function bar(lease: LeaseBook, now: number, paint: (code: number, text: string) => string): string {
  const end = lease.endedAt ?? lease.expireAt;
  const cells: string[] = Array.from({ length: width + 1 }, (_, i) => {
    if (i < column(lease.createdAt, now) || i > column(end, now)) return ' ';
    return i <= column(now, now) ? '█' : '░';
  });
  const put = (at: number, mark: string) => {
    const i = column(at, now);
    if (i >= 0 && i <= width) cells[i] = mark;
  };
  if (lease.maxExpireAt !== null && !lease.endedAt) put(lease.maxExpireAt, '┃');
  put(now, '│');
  for (const { at } of lease.renewals) put(at, 'r');
  return paint(lease.endedAt ? 90 : 36, cells.join(''));
}

function state(lease: LeaseBook, now: number, user: string): string {
  if (lease.endedAt) return lease.endedBy === 'revoked' ? 'ended by us' : `${lease.endedBy}`;
  const left = `${Math.max(0, Math.round((lease.expireAt - now) / 1000))} s`;
  return lease.username === user ? `in use, ends in ${left}` : `ends in ${left}`;
}

const short = (name: string): string => (name.length > 8 ? name.slice(0, 8) : name);
