/** Whose a file or a directory is that we make, and who may do what with it. */
import type { Stats } from 'node:fs';
import type { FileHandle } from 'node:fs/promises';
import { LeaseError } from '../core/failure.ts';

export interface Rights {
  readonly mode: number;
  /** Absent: whoever we run as. */
  readonly owner?: { readonly uid: number; readonly gid: number } | undefined;
}

/** As `give`, in words: `path` is for them. */
export async function prepare(made: FileHandle, path: string, rights: Rights): Promise<void> {
  const { uid, gid } = await made.stat();
  await give(made, rights).catch((error) => {
    const whom = rights.owner ?? { uid, gid };
    throw cannotGive(path, `${whom.uid}:${whom.gid}`, codeOf(error), 'leave owner out, run it as that user');
  });
}

/** The owner first: with the mode alone another group could open it for a moment. Both need no right where they fit. */
export async function give(made: FileHandle, { mode, owner }: Rights): Promise<void> {
  const found = await made.stat();
  const { uid, gid, mode: first } = found;
  // What lies in a directory may have to get the directory's group, whoever made it.
  const wanted = found.isDirectory() ? mode | (first & 0o7000) : mode;
  if (owner && (owner.uid !== uid || owner.gid !== gid)) await made.chown(owner.uid, owner.gid);
  if ((first & 0o7777) !== wanted) await made.chmod(wanted);
}

export const cannotGive = (path: string, whom: string, code: string, remedy: string): LeaseError =>
  no(
    `${path} cannot be given to ${whom} (${code}): leasekeeper runs as ${process.geteuid?.()}:${process.getegid?.()}; ` +
      `${remedy}, or let it have CAP_CHOWN and CAP_FOWNER`,
  );

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
