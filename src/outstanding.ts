/** Which secrets are not in all their sinks yet, for who waits for that: `once`, and programs that start after us. */
import type { Household } from './assemble.ts';
import { emptyRecord, headOf, holdingOf, isSame, type SecretRecord } from './core/record.ts';

export interface Outstanding {
  /** What was saved last. */
  note(secret: string, record: SecretRecord): void;
  forget(secret: string): void;
  /** There are other secrets now. */
  recount(): void;
  /** Names of secrets some sink of which does not hold the head. */
  names(): readonly string[];
  /** Resolves once there are none. Rejects with the signal's reason. */
  none(signal: AbortSignal): Promise<void>;
}

export function outstanding(household: () => Household): Outstanding {
  const records = new Map<string, SecretRecord>();
  const waiting = new Set<(changed?: string) => void>();
  const isOutstanding = (name: string): boolean => {
    const secret = household().secrets.get(name)?.secret;
    if (!secret || secret.isToken) return false;
    const record = records.get(name) ?? emptyRecord;
    const head = headOf(record);
    // Written is enough: the programs may be those that wait for us before they start.
    return !head || secret.rules.sinks.some((sink) => !isSame(holdingOf(head), record.sinks[sink]?.has));
  };
  const names = () => [...household().secrets.keys()].filter(isOutstanding);
  return {
    note: (secret, record) => {
      records.set(secret, record);
      for (const check of waiting) check(secret);
    },
    forget: (secret) => void records.delete(secret),
    recount: () => {
      for (const check of waiting) check();
    },
    names,
    none: (signal) =>
      new Promise((resolve, reject) => {
        let open = new Set<string>();
        const settle = (act: () => void) => {
          waiting.delete(check);
          signal.removeEventListener('abort', abort);
          act();
        };
        // All are counted once: what changes after that is one secret at a time, of ten thousand.
        const check = (changed?: string) => {
          if (changed === undefined) open = new Set(names());
          else if (isOutstanding(changed)) open.add(changed);
          else open.delete(changed);
          if (open.size === 0) settle(resolve);
        };
        const abort = () => settle(() => reject(signal.reason));
        waiting.add(check);
        signal.addEventListener('abort', abort);
        check();
        if (signal.aborted) abort();
      }),
  };
}
