/** Finds a redis-server on this machine, and the words to run it so that it dies with us. */
import { access, constants, rm, symlink } from 'node:fs/promises';
import { delimiter, dirname, join } from 'node:path';

const servers = ['redis-server', 'valkey-server'] as const;
/** On Debian the server and its checkers are one file, and its name decides which of them it is. */
const checkers = ['redis-check-rdb', 'valkey-check-rdb'] as const;
const repairers = ['redis-check-aof', 'valkey-check-aof'] as const;
const usualPlaces = ['/usr/bin', '/usr/local/bin', '/usr/sbin', '/usr/local/sbin'];

export interface Command {
  readonly program: string;
  readonly args: readonly string[];
  /** It outlives us unless it is told: its standard input must be held open while we live. */
  readonly needsLifeline: boolean;
  /** What repairs its file, where it is installed. */
  readonly checker: string | undefined;
}

/**
 * Throws where there is none; the message names what to install. `searchPath` is our PATH; a server is looked for in
 * `places` too. A link that is needed to run it is made in `directory`.
 */
export async function redisCommand(
  directory: string,
  searchPath: string,
  binary?: string,
  places: readonly string[] = usualPlaces,
): Promise<Command> {
  const onPath = searchPath.split(delimiter).filter((part) => part.startsWith('/'));
  const server = await serverFile(directory, [...onPath, ...places], binary);
  const checker = await find(repairers, [dirname(server), ...onPath, ...places]);
  const setpriv = await find(['setpriv'], onPath);
  // Redis makes its files with the rights that the umask leaves, and others must not read them.
  const inPrivate = (script: string, ...args: string[]) => ['-c', `umask 077; ${script}`, 'sh', ...args];
  if (setpriv) {
    const args = inPrivate('exec "$@"', setpriv, '--pdeathsig', 'TERM', '--', server, '-');
    return { program: '/bin/sh', args, needsLifeline: false, checker };
  }
  const watch = '"$1" - <&3 3<&- & p=$!; exec 3<&-; cat >/dev/null; kill "$p" 2>/dev/null; wait "$p"';
  return { program: '/bin/sh', args: inPrivate(watch, server), needsLifeline: true, checker };
}

async function serverFile(directory: string, places: readonly string[], binary: string | undefined): Promise<string> {
  if (binary !== undefined) {
    if (await isProgram(binary)) return binary;
    throw new Error(`${binary} is no program that we may run: it should be a redis-server`);
  }
  const server = await find(servers, places);
  if (server) return server;
  const checker = await find(checkers, places);
  if (!checker) {
    throw new Error(
      'no redis-server was found: install it (apt-get install -y --no-install-recommends redis-server), or use a Redis that runs already (state.redis.url)',
    );
  }
  const link = join(directory, checker.endsWith(checkers[1]) ? servers[1] : servers[0]);
  await rm(link, { force: true });
  await symlink(checker, link);
  return link;
}

async function find(names: readonly string[], directories: readonly string[]): Promise<string | undefined> {
  for (const name of names) {
    for (const directory of directories) {
      const file = join(directory, name);
      if (await isProgram(file)) return file;
    }
  }
  return undefined;
}

const isProgram = (file: string): Promise<boolean> =>
  access(file, constants.X_OK).then(
    () => true,
    () => false,
  );
