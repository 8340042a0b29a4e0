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
    file: 'transitions.ts',
    code: 'record.acquires?.some((begun) => begun > now + tolerance)',
    from: '>',
    to: '>=',
    why: 'it only spares a copy of acquires of which none is dropped',
  },
  {
    file: 'transitions.ts',
    code: 'record.acquires?.some((begun) => begun > now + tolerance)',
    from: '+',
    why: 'it only spares a copy of acquires of which none is dropped',
  },
];
