/** Whose a file or a directory is that we make, and who may do what with it. */
import type { Stats } from 'node:fs';
import type { FileHandle } from 'node:fs/promises';
import { LeaseError } from '../core/failure.ts';

export interface Rights {
  readonly mode: number;
  /** Absent: whoever we run as. */
  readonly owner?: { readonly uid: number; readonly gid: number } | undefined;
}

/**
 * The owner first: with the mode alone another group could open it for a moment. Both need no right where they fit.
 * `path` is for words.
 */
export async function prepare(made: FileHandle, path: string, { mode, owner }: Rights): Promise<void> {
  const found = await made.stat();
  const { uid, gid, mode: first } = found;
  // What lies in a directory may have to get the directory's group, whoever made it.
  const wanted = found.isDirectory() ? mode | (first & 0o7000) : mode;
  try {
    if (owner && (owner.uid !== uid || owner.gid !== gid)) await made.chown(owner.uid, owner.gid);
    if ((first & 0o7777) !== wanted) await made.chmod(wanted);
  } catch (error) {
    const whom = owner ? `${owner.uid}:${owner.gid}` : `${uid}:${gid}`;
    throw no(
      `${path} cannot be given to ${whom} (${codeOf(error)}): leasekeeper runs as ${process.geteuid?.()}:${process.getegid?.()}; ` +
        'leave owner out, run it as that user, or let it have CAP_CHOWN and CAP_FOWNER',
    );
  }
}

/** As much of it as can be seen without reading it. */
export const isAsTold = (found: Stats, { mode, owner }: Rights): boolean =>
  found.isFile() && (found.mode & 0o7777) === mode && found.uid === owner?.uid && found.gid === owner.gid;

/** Whatever the machine refuses a person may mend at any moment, and to ask again costs nothing. */
export const no = (why: string): LeaseError => new LeaseError('unavailable', why);

export const codeOf = (error: unknown): string => (error as NodeJS.ErrnoException).code ?? 'unknown error';

export function stopIf(signal: AbortSignal): void {
  if (signal.aborted) throw no('stopped before anything was written');
}

/** A write whose failure says whether the values may be there: once `begin` was called they may, and not before. */
export async function begun<T>(work: (begin: () => void) => Promise<T>): Promise<T> {
  let isBegun = false;
  try {
    return await work(() => {
      isBegun = true;
    });
  } catch (error) {
    if (!isBegun || !(error instanceof LeaseError) || error.unsure) throw error;
    const { code, message, cause, notBefore } = error;
    throw new LeaseError(code, message, { cause, unsure: true, ...(notBefore !== undefined && { notBefore }) });
  }
}
