/** Disks that can be full: small ones of memory where this process may mount, else a limit on what the daemon may write. */
import { spawnSync } from 'node:child_process';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

export interface Disk {
  /** In words, for the report. */
  readonly how: string;
  /** Answers with what makes room again. */
  fill(pid: number): Promise<() => Promise<void>>;
  remove(): void;
}

/** Makes the directory, on a disk of its own if that can be had. */
export async function aDisk(dir: string, kilobytes: number): Promise<Disk> {
  await mkdir(dir, { recursive: true, mode: 0o700 });
  const options = `size=${kilobytes}k,mode=700`;
  const isMounted = spawnSync('mount', ['-t', 'tmpfs', '-o', options, 'tmpfs', dir]).status === 0;
  return isMounted ? small(dir) : limited();
}

const small = (dir: string): Disk => ({
  how: 'a small disk in memory, filled (ENOSPC)',
  async fill() {
    const filler = join(dir, 'filler');
    const chunk = Buffer.alloc(4096);
    const { open } = await import('node:fs/promises');
    const handle = await open(filler, 'w', 0o600);
    try {
      for (;;) {
        const { bytesWritten } = await handle.write(chunk);
        if (bytesWritten === 0) break;
      }
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error;
    } finally {
      await handle.close();
    }
    return () => rm(filler, { force: true });
  },
  remove: () => void spawnSync('umount', ['-l', dir]),
});

/** No file of the daemon may grow: it sees EFBIG in the place of ENOSPC. */
const limited = (): Disk => ({
  how: 'prlimit --fsize=0 on the daemon (EFBIG; nothing may be mounted here)',
  async fill(pid) {
    const limit = (to: string) => spawnSync('prlimit', ['--pid', String(pid), `--fsize=${to}`]);
    limit('0:unlimited');
    return async () => void limit('unlimited:unlimited');
  },
  remove: () => undefined,
});

/** The step that is run when a sink was written: notes what it found there, once for each time that it is run. */
export async function writeStep(file: string): Promise<void> {
  const lines = [
    '#!/bin/sh',
    '# step LOG FILE [PIDFILE]: notes the sum of FILE, then tells the program.',
    'if [ -n "$3" ]; then pid=$(cat "$3") && kill -0 "$pid" || exit 1; fi',
    'sum=$(sha256sum "$2" | cut -c1-12)',
    'echo "$(date +%s%3N) $sum" >> "$1" || exit 1',
    'if [ -n "$3" ]; then kill -HUP "$pid"; fi',
    '',
  ];
  await writeFile(file, lines.join('\n'), { mode: 0o700 });
}
