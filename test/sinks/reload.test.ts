/** Reload steps as they are written in the configuration, one after the other, and behind a sink. */
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeEach, expect, test } from 'vitest';
import { z } from 'zod';
import { sinks } from '../../src/sinks/index.ts';
import { memorySink } from '../../src/sinks/memory.ts';
import { type ReloadStep, reloadAll, reloadStep, reloads, withReload } from '../../src/sinks/reload.ts';
import { aDirectory } from '../conformance/fixtures/sink-process.ts';
import { aDelivery, someSinkDeps } from '../support/sink-parts.ts';

const top = aDirectory();
afterAll(() => rmSync(top, { recursive: true }));
let count = 0;
let file: string;
beforeEach(() => {
  file = join(top, String(++count));
});

const going = new AbortController().signal;
const deps = someSinkDeps();
const delivery = aDelivery();

const either =
  'either { signal: SIGHUP, pidFile: /run/x.pid }, { signal: SIGHUP, process: nginx }, { exec: [command, argument] } ' +
  'or { http: https://host/path }';
const both = 'a credential does not belong in this file: point to it with { file: /path } or { env: NAME }';
test.each([
  [{}, `: ${either}`],
  [{ timeout: '3s' }, `: ${either}`],
  [{ signal: 'SIGHUP', pidFile: '/x', exec: ['a'] }, `: ${either}`],
  [{ exec: ['a'], http: 'https://a/' }, `: ${either}`],
  [{ signal: 'SIGHUP' }, 'pidFile: to which process? such as pidFile: /run/x.pid, or process: nginx'],
  [
    { signal: 'SIGHUP', pidFile: '/x', process: 'x' },
    'process: two answers to one question: remove pidFile or process',
  ],
  [{ process: 'nginx' }, 'signal: which signal? such as signal: SIGHUP'],
  [{ signal: 'SIGHUP', process: '/usr/bin/x' }, 'process: the name of a process, without its path'],
  [{ http: 'https://a/', headers: { Authorization: 'Bearer x' } }, `headers.Authorization: ${both}`],
  [{ http: 'https://a/', process: 'a' }, `: ${either}`],
  [{ http: 'https://a/', env: ['A'] }, 'env: env belongs to exec, not to http'],
  [{ exec: ['a'], method: 'PUT' }, 'method: method belongs to http, not to exec'],
  [{ pidFile: '/x' }, 'signal: which signal? such as signal: SIGHUP'],
  [{ signal: 'SIGKILL', pidFile: '/x' }, 'signal: one of SIGHUP, SIGUSR1, SIGUSR2, SIGWINCH, SIGINT, SIGTERM, SIGQUIT'],
  [{ signal: 'SIGHUP', pidFile: 'x' }, 'pidFile: an absolute path'],
  [{ signal: 'SIGHUP', pidFile: '/x', timeout: '3s' }, 'timeout: timeout belongs to exec or http, not to signal'],
  [{ signal: 'SIGHUP', pidFile: '/x', env: ['A'] }, 'env: env belongs to exec, not to signal'],
  [{ exec: 'nginx -s reload' }, 'exec: a command and its arguments, as a list: no shell reads it'],
  [{ exec: ['a\0'] }, 'exec.0: no NUL in here'],
  [{ exec: ['a'], env: ['A=B'] }, 'env.0: the name of an environment variable'],
])('%j is a mistake', (yaml, problem) => {
  const told = reloadStep.safeParse(yaml).error?.issues.map(({ path, message }) => `${path.join('.')}: ${message}`);
  expect(told).toEqual([problem]);
});

test('a step has a name that tells no arguments', () => {
  expect(reloadStep.parse({ exec: ['/bin/notify', 'argument'] }).name).toBe('exec /bin/notify');
  expect(reloadStep.parse({ signal: 'SIGHUP', pidFile: '/run/x.pid' }).name).toBe('SIGHUP by /run/x.pid');
  expect(reloadStep.parse({ signal: 'SIGHUP', process: 'nginx' }).name).toBe('SIGHUP to nginx');
  expect(reloadStep.parse({ http: 'https://a:8443/t0ken' }).name).toBe('POST to a:8443');
});

test('the editor is told which keys belong together', () => {
  expect(z.toJSONSchema(reloadStep, { io: 'input' })).toMatchObject({
    additionalProperties: false,
    oneOf: [
      { required: ['signal', 'pidFile'] },
      { required: ['signal', 'process'] },
      { required: ['exec'] },
      { required: ['http'] },
    ],
  });
});

/** Steps that write down that they ran. */
const steps = (...outcomes: boolean[]) => {
  const ran: number[] = [];
  const list = outcomes.map(
    (isWell, number): ReloadStep => ({
      run: async () => {
        ran.push(number);
        if (!isWell) throw new Error(`step ${number}`);
      },
    }),
  );
  return { ran, list };
};

test('steps run in order; after one that fails there are no others, and the next time all of them run again', async () => {
  const { ran, list } = steps(true, false, true);
  await expect(reloadAll(list)(going)).rejects.toThrow('step 1');
  await expect(reloadAll(list)(going)).rejects.toThrow('step 1');
  expect(ran).toEqual([0, 1, 0, 1]);
});

test('the steps of a sink come after what the sink does by itself', async () => {
  const { ran, list } = steps(true, true);
  const own = { ...memorySink(), reload: async () => void ran.push(-1) };
  await withReload(own, list).reload?.(going);
  expect(ran).toEqual([-1, 0, 1]);
});

test('a sink without steps stays as it is: one that needs no reload has none', () => {
  const sink = memorySink();
  expect(withReload(sink, [])).toBe(sink);
  expect(sink.reload).toBeUndefined();
});

const config = z.union(sinks.map(({ schema }) => schema));

test('a configured sink has its steps: what the command finds is what was written', async () => {
  const copy = `${file}.copy`;
  const reload = [{ exec: ['cp', file, copy], timeout: '30s' }];
  const sink = config.parse({ type: 'file', path: file, format: 'dotenv', reload }).open(deps);
  await sink.write(delivery, going);
  expect(existsSync(copy)).toBe(false);
  await sink.reload?.(going);
  expect(readFileSync(copy, 'utf8')).toBe("A='1'\n");
});

test('a configured signal goes where the pidfile says, and not to ourselves', async () => {
  writeFileSync(`${file}.pid`, `${process.pid}`);
  const reload = [{ signal: 'SIGHUP', pidFile: `${file}.pid` }];
  const sink = config.parse({ type: 'file', path: file, format: 'dotenv', reload }).open(deps);
  await expect(sink.reload?.(going)).rejects.toThrow('leasekeeper itself');
});

test('what is missing beside a mistake is told together with it', () => {
  const { error } = reloadStep.safeParse({ signal: 'HUP' });
  expect(error?.issues.map(({ path }) => path)).toEqual([['signal'], ['pidFile']]);
  expect(reloadStep.safeParse('HUP').success).toBe(false);
  expect(reloadStep.safeParse(null).success).toBe(false);
});

test('a command has ten seconds where nothing else is said', () => {
  expect(reloadStep.safeParse({ exec: ['true'], timeout: '10' }).error?.issues[0]?.path).toEqual(['timeout']);
  expect(reloadStep.safeParse({ exec: ['true'] }).success).toBe(true);
});

test('every sink that is listed is described in words an editor can show', () => {
  const names = sinks.map(({ type }) => type);
  expect(new Set(names).size).toBe(names.length);
  for (const { schema } of sinks) {
    const { properties = {} } = z.toJSONSchema(schema, { io: 'input' });
    for (const [key, option] of Object.entries(properties)) {
      if (key !== 'type') expect(option, key).toHaveProperty('description');
    }
  }
});

test('a secret has its steps alone, or with when they are run', () => {
  const step = { exec: ['a'] };
  const [debounce, splay] = ['5s', '30s'];
  expect(reloads.parse(undefined)).toEqual({ steps: [], debounce: 0, splay: 0 });
  expect(reloads.parse([step])).toMatchObject({ steps: [{ name: 'exec a' }], debounce: 0, splay: 0 });
  expect(reloads.parse({ steps: [step] })).toMatchObject({ steps: [{ name: 'exec a' }], debounce: 0, splay: 0 });
  expect(reloads.parse({ steps: [step], debounce, splay })).toMatchObject({ debounce: 5_000, splay: 30_000 });
});

test.each([
  [{ steps: [] }, 'steps: no steps: write at least one'],
  [{ steps: [{ exec: ['a'] }], debounce: '11m' }, 'debounce: longer than 10m: write less'],
  [{ steps: [{ exec: ['a'] }], splay: '61m' }, 'splay: longer than 1h: write less'],
])('%j is a mistake', (yaml, problem) => {
  const told = reloads.safeParse(yaml).error?.issues.map(({ path, message }) => `${path.join('.')}: ${message}`);
  expect(told).toEqual([problem]);
});
