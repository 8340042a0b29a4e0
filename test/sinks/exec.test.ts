import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { LeaseError } from '../../src/core/failure.ts';
import { type ExecOptions, exec, execSink } from '../../src/sinks/exec.ts';
import { aDelivery, someSinkDeps } from '../support/sink-parts.ts';

const canary = 'CANARY-1f2e3d4c5b';
const going = (): AbortSignal => new AbortController().signal;
const failureOf = async (promise: Promise<unknown> | undefined): Promise<LeaseError> => {
  const error = await promise?.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (!(error instanceof LeaseError)) throw new Error(`no failure: ${String(error)}`);
  expect(inspect(error, { depth: null })).not.toContain(canary);
  return error;
};

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'lk-exec-'));
});
afterEach(() => rmSync(directory, { recursive: true }));

const env = { PATH: process.env['PATH'], OURS: 'ours', OTHER: `other-${canary}` };
const aSink = (script: string, change: Partial<ExecOptions> = {}) =>
  execSink(
    { exec: ['/bin/sh', '-c', script], values: 'stdin', keys: 'all', timeout: 10_000, env: [], ...change },
    someSinkDeps({ env }),
  );
const at = (name: string): string => join(directory, name);
/** Has all that anybody may see of the process, from inside it. */
const look = () =>
  `cat /proc/$$/cmdline > ${at('cmdline')}; cat /proc/$$/environ > ${at('environ')}; cat > ${at('stdin')}`;
const seen = (name: string): string => readFileSync(at(name), 'latin1');
const values = { PASSWORD: canary, USER: 'me' };

describe('the command', () => {
  test('has the values on its standard input, and nowhere else', async () => {
    const mark = await aSink(look()).write(aDelivery(values, { secret: 'db', generation: 3, sequence: 9 }), going());
    expect(JSON.parse(seen('stdin'))).toEqual(values);
    expect(seen('cmdline')).not.toContain(canary);
    expect(seen('environ')).not.toContain(canary);
    expect(mark).not.toContain(canary);
    const variables = seen('environ').split('\0');
    for (const told of ['LEASEKEEPER_SECRET=db', 'LEASEKEEPER_GENERATION=3', 'LEASEKEEPER_SEQUENCE=9']) {
      expect(variables).toContain(told);
    }
    expect(variables.filter((one) => /^(OURS|OTHER)=/.test(one))).toEqual([]);
  });

  test('has those that were named in its environment, where that is asked for, and nothing on its input', async () => {
    const change = { values: 'env', keys: { DB_PASSWORD: 'PASSWORD' }, env: ['OURS'] } as const;
    await aSink(look(), change).write(aDelivery(values), going());
    const variables = seen('environ').split('\0');
    expect(variables).toContain(`DB_PASSWORD=${canary}`);
    expect(variables).toContain('OURS=ours');
    expect(variables.some((one) => one.startsWith('USER='))).toBe(false);
    expect(seen('cmdline')).not.toContain(canary);
    expect(seen('stdin')).toBe('');
  });

  test('is not run with what it could not be given', async () => {
    const touch = `touch ${at('ran')}`;
    const variables = (keys: Record<string, string>) => aSink(touch, { values: 'env', keys });
    const nul = await failureOf(variables({ A: 'A' }).write(aDelivery({ A: `${canary}\0` }), going()));
    expect(nul).toMatchObject({ code: 'invalid', unsure: false });
    expect(nul.message).toContain('"A"');
    expect((await failureOf(variables({ A: 'B' }).write(aDelivery({ A: canary }), going()))).message).toContain('"B"');
    const long = aDelivery({ A: canary.repeat(20_000) });
    expect((await failureOf(variables({ A: 'A' }).write(long, going()))).message).toContain('E2BIG');
    expect((await failureOf(aSink(touch).write(aDelivery(), AbortSignal.abort()))).unsure).toBe(false);
    expect(existsSync(at('ran'))).toBe(false);
    // As long as that it is taken by the other way.
    await aSink(`cat > ${at('stdin')}`).write(long, going());
    expect(seen('stdin').length).toBeGreaterThan(canary.length * 20_000);
  });

  test('answers by its exit code, and what it prints is not kept', async () => {
    const loud = await failureOf(aSink('cat; cat >&2; echo; exit 4').write(aDelivery(values), going()));
    expect(loud.code).toBe('unavailable');
    expect(loud.message).toMatch(/^\/bin\/sh: exit code 4 \(\d+ lines of output, which are not kept\)$/);
    await expect(aSink('exit 0').write(aDelivery(values), going())).resolves.toContain('.');
  });

  test.each([
    ['fails', 'exit 1'],
    ['ends as a shell says of what it could not run', '/no/such/reload'],
    ['ends as a shell says of what was killed', 'sh -c "kill -9 \\$\\$"; exit $?'],
  ])('that takes them and then %s has taken them', async (_, then) => {
    const error = await failureOf(aSink(`cat > ${at('stdin')}; ${then}`).write(aDelivery(values), going()));
    expect(JSON.parse(seen('stdin'))).toEqual(values);
    expect(error).toMatchObject({ code: 'unavailable', unsure: true });
  });

  test('that never began has taken nothing', async () => {
    for (const command of [at('none'), directory]) {
      const error = await failureOf(aSink('', { exec: [command] }).write(aDelivery(values), going()));
      expect(error).toMatchObject({ code: 'unavailable', unsure: false });
    }
  });

  test('that was killed may have taken them, and leaves nothing running', async () => {
    const script = `sleep 600 & echo $! > ${at('child')}; mv ${at('child')} ${at('pid')}; wait`;
    const late = await failureOf(aSink(script, { timeout: 1_000 }).write(aDelivery(values), going()));
    expect(late).toMatchObject({ code: 'unavailable', unsure: true });
    expect(late.message).toContain('took longer than 1 s');
    const pid = seen('pid').trim();
    // Dead, and at most not yet taken note of.
    await expect
      .poll(() => (readdirSync('/proc').includes(pid) ? readFileSync(`/proc/${pid}/stat`, 'latin1') : ') Z'))
      .toMatch(/\) [ZX]/);
    const abort = new AbortController();
    const waiting = aSink(`touch ${at('begun')}; sleep 600`).write(aDelivery(values), abort.signal);
    await expect.poll(() => existsSync(at('begun'))).toBe(true);
    abort.abort();
    expect((await failureOf(waiting)).unsure).toBe(true);
  });
});

describe('a check', () => {
  const checked = (command: string) => aSink('', { exec: [command, 'x'] }).check?.(going());

  test('finds a command as the system would', async () => {
    await checked('/bin/sh');
    await checked('sh');
    writeFileSync(at('plain'), '', { mode: 0o644 });
    for (const command of [at('none'), 'no-such-command', at('plain'), directory]) {
      expect((await failureOf(checked(command))).message).toBe(`there is no command ${command} that we may run`);
    }
  });
});

describe('in the configuration', () => {
  const parsed = (options: object) => exec.schema.parse({ type: 'exec', ...options });

  test('its name is the command without its arguments, and many secrets may be given to it', () => {
    expect(parsed({ exec: ['/bin/load', '--quick'] })).toMatchObject({ name: 'exec:/bin/load', isShared: true });
  });

  test('another command, or another way, has it given anew; another timeout does not', async () => {
    const mark = await aSink('exit 0').write(aDelivery(values), going());
    const holds = (script: string, change: Partial<ExecOptions> = {}) => aSink(script, change).holds?.(mark, going());
    expect(await holds('exit 0', { timeout: 5_000 })).toBe(true);
    expect(await holds('exit 0 ')).toBe(false);
    expect(await holds('exit 0', { keys: { A: 'PASSWORD' } })).toBe(false);
    expect(await holds('exit 0', { values: 'env' })).toBe(false);
  });
});
