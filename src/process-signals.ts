/** The signals that the process answers to. */

/** Answers with what stops listening. */
export function onSignals(on: {
  readonly TERM: (name: string) => void;
  readonly HUP: () => void;
  readonly USR2: () => void;
}): () => void {
  const heard = [
    ['SIGTERM', () => on.TERM('TERM')],
    ['SIGINT', () => on.TERM('INT')],
    ['SIGHUP', on.HUP],
    ['SIGUSR2', on.USR2],
  ] as const;
  for (const [signal, hear] of heard) process.on(signal, hear);
  return () => {
    for (const [signal, hear] of heard) process.off(signal, hear);
  };
}
