/** A process that reads user and password again and again, each time having resolved `..data` once. */
import { readFileSync, readlinkSync } from 'node:fs';

const [path = ''] = process.argv.slice(2);
const current = () => `${path}/${readlinkSync(`${path}/..data`)}`;
let whole = 0;
const seen = new Set<string>();
const torn = new Set<string>();

function look(): void {
  const set = current();
  try {
    const [, user] = /^user-(\d+)$/.exec(readFileSync(`${set}/user`, 'utf8')) ?? [];
    const [, password] = /^x*-(\d+)$/.exec(readFileSync(`${set}/password`, 'utf8')) ?? [];
    if (user === undefined || user !== password) torn.add(`${user} with ${password}`);
    whole += 1;
    seen.add(user ?? '');
  } catch (error) {
    // Cleared away meanwhile, since there is another.
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT' || current() === set) torn.add(String(error));
  }
}

/** Without a pause it would take a core from all other tests, and see no more of what is written meanwhile. */
const pause = 4;

function turn(): void {
  for (let i = 0; i < 50; i += 1) look();
  setTimeout(turn, pause);
}

process.on('message', () => {
  process.send?.({ whole, seen: seen.size, torn: [...torn] }, () => process.exit());
});
look();
process.send?.('reading');
turn();
