/** Mutants that no test can tell from the original, each with the reason. `code` is the whole line. */
export const equivalents: readonly {
  readonly file: string;
  readonly code: string;
  readonly from: string;
  /** Absent: whatever becomes of it. */
  readonly to?: string;
  readonly why: string;
}[] = [];
