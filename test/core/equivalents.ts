/** Mutants that no test can tell from the original, each with the reason. `code` is the whole line. */
export const equivalents: readonly {
  readonly file: string;
  readonly code: string;
  readonly from: string;
  /** Absent: whatever becomes of it. */
  readonly to?: string;
  readonly why: string;
}[] = [
  {
    file: 'agenda.ts',
    code: 'const at = openAt > dueAt && openAt > now ? openAt : isBusy ? now + longestTurn : dueAt;',
    from: '>',
    to: '>=',
    why: 'where both dates are one it does not matter whose it is called; the other comparison is killed',
  },
];
