import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { mkdtemp, open, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openHatches } from '../../src/cli/hatches.ts';
import { leasekeeper } from '../../src/cli/program.ts';
import { sayAccident } from '../../src/cli/say.ts';
import { LeaseError } from '../../src/core/failure.ts';
import { secret, textOf } from './build.ts';
import { env, planted, wrong } from './wrong.ts';

const bundle = join(import.meta.dirname, '../../dist/leasekeeper.js');

interface Ended {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

/** The real thing, as a process of its own. */
function leasekeeperProcess(
  args: readonly string[],
  more: { options?: readonly string[]; env?: Record<string, string> } = {},
) {
  return new Promise<Ended>((resolve) => {
    const child = spawn(process.execPath, [...(more.options ?? []), bundle, ...args], {
      env: { PATH: process.env['PATH'] ?? '', ...env, ...more.env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let out = '';
    let err = '';
    child.stdout.on('data', (chunk) => {
      out += chunk;
    });
    child.stderr.on('data', (chunk) => {
      err += chunk;
    });
    child.on('close', (code) => resolve({ code, out, err }));
  });
}

/** The same within this process: quick, for what does not depend on being one. */
async function command(...args: string[]): Promise<Ended> {
  let out = '';
  let err = '';
  const to = (take: (text: string) => void) => ({ write: take, isForPeople: false });
  const world = {
    env,
    out: to((text) => {
      out += text;
    }),
    err: to((text) => {
      err += text;
    }),
  };
  return { code: await leasekeeper(args, world), out, err };
}

let dir: string;
let right: string;
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'lk-cli-'));
  right = join(dir, 'leasekeeper.yaml');
  const more = '    policy: { renewBefore: 10m, rotate: { every: 2h } }\n    required: false\n';
  const reload = '    reload: [{ signal: SIGHUP, pidFile: /run/app.pid }]\n';
  await writeFile(right, textOf({ secrets: secret(more + reload) }));
});
afterAll(() => rm(dir, { recursive: true }));

const manyMistakes = join(import.meta.dirname, 'wrong/many-mistakes.yaml');

describe('a wrong configuration', () => {
  it.each(['validate', 'run', 'once'])('ends %s with code 3 and every mistake on standard error', async (name) => {
    const { code, out, err } = await leasekeeperProcess([name, '-c', manyMistakes]);
    expect(code).toBe(3);
    expect(out).toBe('');
    const lines = err.split('\n');
    const expected = wrong['many-mistakes'] ?? [];
    expect(expected.length).toBeGreaterThan(10);
    const told = lines.filter((line) => line.startsWith(`${manyMistakes}:`));
    expect(told.map((line) => line.slice(manyMistakes.length + 1).split(': ', 1)[0])).toEqual(
      expected.map(([place, path]) => `${place}  ${path}`),
    );
    for (const [i, line] of lines.entries()) if (told.includes(line)) expect(lines[i + 1]).toMatch(/^ {4}\S/);
    expect(lines.at(-2)).toBe(`${expected.length} problems in ${manyMistakes}`);
    expect(err).not.toContain(planted);
    expect(err).not.toContain('\u001b');
  });

  it('cannot speak to the terminal', async () => {
    const file = join(dir, 'terminal.yaml');
    await writeFile(file, textOf({ top: '"\\e[2J\\r": 1\n' }));
    const { err } = await command('validate', '-c', file);
    expect(err).toContain('\\u001b[2J');
    expect(err).not.toContain('\u001b');
  });
});

describe('validate', () => {
  it('tells what would be kept', async () => {
    const { code, out, err } = await leasekeeperProcess(['validate', '-c', right]);
    expect({ code, err }).toEqual({ code: 0, err: '' });
    expect(out).toBe(`${right} is right: 1 secret in 1 sink, from main (infisical)

db (not required)
  from infisical/dynamic-secret of main
  renewed 10m before its end, rotated, grace 5m
  to file:/s/db.env
  then SIGHUP by /run/app.pid
`);
  });
});

describe('schema and version', () => {
  it('are printed', async () => {
    const { code, out } = await leasekeeperProcess(['schema']);
    expect(code).toBe(0);
    expect(out).toBe(readFileSync(join(import.meta.dirname, '../../config/leasekeeper.schema.json'), 'utf8'));
    const { version } = JSON.parse(readFileSync(join(import.meta.dirname, '../../package.json'), 'utf8'));
    expect(await command('version')).toEqual({ code: 0, out: `leasekeeper ${version}\n`, err: '' });
  });
});

describe('wrong usage', () => {
  it.each([
    [['rnu'], 'Did you mean run?'],
    [['run', '--confg', 'x'], 'Did you mean --config?'],
    [['run'], "name the configuration file: '-c <file>'"],
    [['validate'], "name the configuration file: '-c <file>'"],
    [['run', '-c', 'x', '--shutdown-timeout', '20'], 'A length of time has a unit'],
    [['once', '-c', 'x', '--timeout', '0s'], 'A length of time has a unit'],
    [['validate', '-c', 'x', 'y'], 'too many arguments'],
    [[], 'Usage: leasekeeper'],
  ])('%j ends with code 2 and says what is meant', async (args, words) => {
    const { code, out, err } = await command(...args);
    expect(code).toBe(2);
    expect(out).toBe('');
    expect(err).toContain(words);
  });

  it('is not to ask for help', async () => {
    const { code, out } = await command('--help');
    expect(code).toBe(0);
    for (const name of ['run', 'once', 'validate', 'schema', 'version']) expect(out).toContain(name);
  });
});

describe('the ways into the process', () => {
  it.each([
    ['--inspect=0', {}],
    ['--report-on-signal', {}],
    ['--heapsnapshot-signal=SIGUSR2', {}],
    [undefined, { NODE_OPTIONS: '--max-old-space-size=512 --heapsnapshot_signal=SIGUSR2' }],
    [undefined, { NODE_OPTIONS: '--inspect=127.0.0.1:0' }],
  ])('%s %o are refused at start', async (option, more) => {
    const { code, err } = await leasekeeperProcess(['version'], { options: option ? [option] : [], env: more });
    expect(code).toBe(2);
    expect(err).toMatch(/leasekeeper does not run with --(inspect|report-on-signal|heapsnapshot-signal)/);
  });

  it('are not opened by SIGUSR1', async () => {
    const fifo = join(dir, 'fifo');
    spawnSync('mkfifo', [fifo]);
    const child = spawn(process.execPath, [bundle, 'validate', '-c', fifo], {
      env: { PATH: process.env['PATH'] ?? '', ...env },
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    let err = '';
    child.stderr.on('data', (chunk) => {
      err += chunk;
    });
    const ended = once(child, 'close');
    // Opens when the program does, which is after its first lines.
    const file = await open(fifo, 'w');
    child.kill('SIGUSR1');
    await file.writeFile(textOf({}));
    await file.close();
    expect(await ended).toEqual([0, null]);
    expect(err).toBe('');
  });

  it('are told from harmless options', () => {
    expect(openHatches(['--import', 'tsx', '--enable-source-maps', '--max-old-space-size=100'], undefined)).toEqual([]);
    expect(openHatches(['--inspect-brk=0', '--cpu-prof'], '"--report_on_fatalerror"')).toEqual([
      '--inspect-brk',
      '--cpu-prof',
      '--report-on-fatalerror',
    ]);
  });
});

describe('an accident', () => {
  const said = (error: unknown): string => {
    let text = '';
    const write = (more: string) => {
      text += more;
    };
    sayAccident(error, { write, isForPeople: false });
    return text;
  };

  it('is told without words that may quote a value', () => {
    const told = said(new TypeError(`cannot read ${planted}\n    at ${planted}`));
    expect(told).toContain('unexpected TypeError');
    expect(told).not.toContain(planted);
    expect(said(`a ${planted}`)).not.toContain(planted);
  });

  it('is told in our own words where they are ours', () => {
    expect(said(new LeaseError('invalid', 'the state is of a newer version'))).toBe(
      'leasekeeper: the state is of a newer version\n',
    );
  });
});
