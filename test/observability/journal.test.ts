/** The journal is written whatever happens to the disk, and read back by `leasekeeper history`. */
import {
  appendFileSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeEach, describe, expect, test } from 'vitest';
import { leasekeeper } from '../../src/cli/program.ts';
import { historyIn, sayEntry } from '../../src/observability/history.ts';
import { createJournal, type Entry, type JournalOptions } from '../../src/observability/journal.ts';
import { aDirectory } from '../conformance/fixtures/sink-process.ts';
import { aLease, held, recordOf } from '../core/build.ts';
import { aStep, aSubject, changed, done, steeredTime } from './build.ts';

const top = aDirectory();
afterAll(() => rmSync(top, { recursive: true }));
let count = 0;
let directory: string;
beforeEach(() => {
  directory = join(top, String(++count));
});

const start = Date.parse('2026-01-02T03:04:05Z');

function aJournal(change: Partial<JournalOptions> = {}) {
  const time = steeredTime(start);
  const troubles: [string | undefined, number][] = [];
  const onTrouble: JournalOptions['onTrouble'] = (code, lost) => troubles.push([code, lost]);
  const journal = createJournal({ directory, wall: time.clock, version: '1.0', onTrouble, ...change });
  journal.watch(aSubject(time.clock));
  journal.listen(changed(recordOf(held(aLease({ expiresAt: start + 3_600_000 }), { termStart: start }))));
  return { journal, time, troubles };
}

async function entries(): Promise<{ all: Entry[]; unreadable: number }> {
  const unreadable = { count: 0 };
  const all: Entry[] = [];
  for await (const entry of historyIn({ directory }, unreadable)) all.push(entry);
  return { all, unreadable: unreadable.count };
}

describe('the journal', () => {
  beforeEach(() => mkdirSync(directory));

  test('has every act with its reason, what it was done to, its outcome and what holds then', async () => {
    const { journal } = aJournal();
    journal.note('started');
    journal.listen(done(aStep('renew', 'RenewalDue', 'l1'), { took: 35 }));
    journal.listen(done(aStep('write', 'Undelivered', 'file'), { outcome: 'unavailable', message: 'no space left' }));
    await journal.close();
    const { all } = await entries();
    expect(all).toEqual([
      { at: '2026-01-02T03:04:05.000Z', daemon: 'started', version: '1.0', pid: process.pid },
      {
        at: '2026-01-02T03:04:05.000Z',
        secret: 'orders-db',
        source: 'infisical/dynamic-secret',
        provider: 'infisical-main',
        act: 'renew',
        because: 'RenewalDue',
        lease: 'l1',
        outcome: 'ok',
        took: 0.035,
        state: 'healthy',
        expiresAt: '2026-01-02T04:04:05.000Z',
      },
      expect.objectContaining({ act: 'write', sink: 'file', outcome: 'unavailable', message: 'no space left' }),
    ]);
    expect(all.map(sayEntry)).toEqual([
      `2026-01-02T03:04:05.000Z  leasekeeper 1.0, pid ${process.pid}: started`,
      '2026-01-02T03:04:05.000Z  orders-db: renewed, because it was due (lease l1, 35ms); healthy',
      '2026-01-02T03:04:05.000Z  orders-db: delivering file failed (unavailable: no space left) (20ms); healthy',
    ]);
    expect(statSync(join(directory, 'history.jsonl')).mode & 0o777).toBe(0o600);
  });

  test('leaves out what merely looked, but not that it failed, nor that it works again', async () => {
    const { journal } = aJournal();
    const look = aStep('observe', 'PollDue', 'l1');
    for (const outcome of ['ok', 'ok', 'unavailable', 'unavailable', 'ok', 'ok', 'blocked'] as const) {
      journal.listen(done(look, { outcome }));
    }
    await journal.close();
    expect((await entries()).all.map((entry) => 'outcome' in entry && entry.outcome)).toEqual([
      'unavailable',
      'unavailable',
      'ok',
    ]);
  });

  test('is only so long: the oldest is forgotten, and what is left is read in its order', async () => {
    const { journal, time } = aJournal({ fileSize: 2_000 });
    for (let number = 0; number < 60; number += 1) {
      time.pass(1_000);
      journal.listen(done(aStep('renew', 'RenewalDue', `l${number}`)));
      if (number % 5 === 0) await journal.close();
    }
    await journal.close();
    expect(readdirSync(directory).sort()).toEqual([
      'history.1.jsonl',
      'history.2.jsonl',
      'history.3.jsonl',
      'history.jsonl',
    ]);
    for (const name of readdirSync(directory)) expect(statSync(join(directory, name)).size).toBeLessThanOrEqual(2_000);
    const leases = (await entries()).all.flatMap((entry) => ('lease' in entry ? [Number(entry.lease?.slice(1))] : []));
    expect(leases.at(-1)).toBe(59);
    expect(leases.length).toBeLessThan(60);
    expect(leases).toEqual([...leases].sort((a, b) => a - b));
    expect(leases).toEqual(leases.map((_, index) => (leases[0] ?? 0) + index));
  });

  test('goes on after a line that a crash cut short', async () => {
    writeFileSync(
      join(directory, 'history.jsonl'),
      '{"at":"2026-01-01T00:00:00.000Z","daemon":"started"}\n{"at":"2026',
    );
    const { journal } = aJournal();
    journal.note('started');
    await journal.close();
    const { all, unreadable } = await entries();
    expect(all).toHaveLength(2);
    expect(unreadable).toBe(1);
  });

  test('tells once that it cannot be written, and when it can again how much is missing; nothing is thrown', async () => {
    const path = join(directory, 'history.jsonl');
    mkdirSync(path);
    const { journal, troubles } = aJournal();
    journal.note('started');
    await expect.poll(() => troubles.length).toBe(1);
    journal.listen(done(aStep('renew', 'RenewalDue', 'l1')));
    await new Promise(setImmediate);
    await journal.close();
    expect(troubles).toEqual([['EISDIR', 1]]);
    rmSync(path, { recursive: true });
    journal.note('ended');
    await journal.close();
    expect(troubles[1]).toEqual([undefined, 2]);
    expect((await entries()).all).toMatchObject([{ daemon: 'ended' }]);
  });

  test('follows no link that somebody has put in its place', async () => {
    const elsewhere = join(directory, 'elsewhere');
    writeFileSync(elsewhere, '');
    symlinkSync(elsewhere, join(directory, 'history.jsonl'));
    const { journal, troubles } = aJournal();
    journal.note('started');
    await journal.close();
    expect(troubles).toEqual([['ELOOP', 1]]);
    expect(readFileSync(elsewhere, 'utf8')).toBe('');
  });
});

describe('leasekeeper history', () => {
  const config = () => `version: 1
state: { dataDir: ${directory} }
providers: { main: { type: infisical, url: https://x.test, auth: { method: universal, clientId: me, clientSecret: { env: S } } } }
secrets:
  orders-db:
    source: { type: infisical/dynamic-secret, provider: main, project: p, environment: prod, name: db }
    sinks: [{ type: file, path: /secrets/x.env, format: dotenv }]
`;

  async function asked(...args: string[]) {
    const said = { out: '', err: '' };
    const to = (which: 'out' | 'err') => ({
      write: (text: string) => {
        said[which] += text;
      },
      isForPeople: false,
    });
    const file = join(top, `${count}.yaml`);
    writeFileSync(file, config());
    const code = await leasekeeper(['history', ...args, '-c', file], {
      env: { S: 'x' },
      out: to('out'),
      err: to('err'),
    });
    return { code, ...said };
  }

  const line = (at: string, secret: string) =>
    `${JSON.stringify({ at, secret, source: 's', provider: 'p', act: 'renew', because: 'RenewalDue', outcome: 'ok', took: 0, state: 'healthy' })}\n`;

  test('tells of one secret, or of all, in words or as it is kept, and only what is asked for', async () => {
    mkdirSync(directory);
    const path = join(directory, 'history.jsonl');
    const now = new Date().toISOString();
    appendFileSync(
      path,
      line('2020-01-01T00:00:00.000Z', 'orders-db') + line(now, 'orders-db') + line(now, 'gone\u001b[2J'),
    );
    const one = await asked('orders-db');
    expect(one.code).toBe(0);
    expect(one.out.split('\n')).toHaveLength(3);
    expect((await asked('orders-db', '--last', '1h')).out.split('\n')).toHaveLength(2);
    const all = await asked();
    expect(all.out.split('\n')).toHaveLength(4);
    expect(all.out).not.toContain('\u001b');
    expect(
      (await asked('--json')).out
        .split('\n')
        .filter(Boolean)
        .map((text) => JSON.parse(text).act),
    ).toEqual(['renew', 'renew', 'renew']);
  });

  test('says that there is nothing yet, and of a name that nobody knows which there are', async () => {
    expect(await asked('orders-db')).toMatchObject({ code: 0, err: `there is no history yet in ${directory}\n` });
    expect(await asked('order-db')).toMatchObject({ code: 2, err: 'no secret of that name; there are: orders-db\n' });
  });

  test('says that it cannot be read', async () => {
    mkdirSync(join(directory, 'history.jsonl'), { recursive: true });
    expect(await asked()).toMatchObject({ code: 1, err: `the history in ${directory} cannot be read: EISDIR\n` });
  });
});
