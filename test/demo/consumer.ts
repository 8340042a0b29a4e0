/**
 * A small program as leasekeeper's users have them: it reads its credential from a file at its start and on SIGHUP,
 * never otherwise, and uses it several times a second against a real Redis. It tells what happens as JSON lines.
 */
import { writeFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { setTimeout as pause } from 'node:timers/promises';
import { parseEnv } from 'node:util';
import { Redis } from 'ioredis';

export type ConsumerLine =
  | { readonly type: 'loaded'; readonly user: string }
  | { readonly type: 'used'; readonly uses: number }
  | { readonly type: 'failed'; readonly user: string; readonly error: string };

const [file = '', socket = '', pidFile = ''] = process.argv.slice(2);
const between = 150;

interface Credential {
  readonly user: string;
  readonly password: string;
}

async function load(): Promise<Credential> {
  const values = parseEnv(await readFile(file, 'utf8'));
  const credential = { user: values['REDIS_USER'] ?? '', password: values['REDIS_PASSWORD'] ?? '' };
  tell({ type: 'loaded', user: credential.user });
  return credential;
}

/** Logs in anew each time, as a connection pool does that opens a connection: a dead credential fails at once. */
async function use({ user, password }: Credential): Promise<void> {
  const redis = new Redis({
    path: socket,
    username: user,
    password,
    lazyConnect: true,
    maxRetriesPerRequest: 0,
    retryStrategy: () => null,
  });
  redis.on('error', () => undefined);
  try {
    await redis.connect();
    await redis.incr('orders');
  } finally {
    redis.disconnect();
  }
}

function tell(line: ConsumerLine): void {
  process.stdout.write(`${JSON.stringify(line)}\n`);
}

let credential = await load();
process.on('SIGHUP', () => {
  void load().then((next) => {
    credential = next;
  });
});
let isStopping = false;
process.on('SIGTERM', () => {
  isStopping = true;
});
// The signal has a handler from here on: who finds the pid may use it.
writeFileSync(pidFile, String(process.pid));

let uses = 0;
while (!isStopping) {
  const used = credential;
  await use(used).then(
    () => tell({ type: 'used', uses: ++uses }),
    (error: Error) => tell({ type: 'failed', user: used.user, error: error.message }),
  );
  await pause(between);
}
