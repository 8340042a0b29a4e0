/** The chaos run for half a minute, with lives so short that leases are renewed and replaced meanwhile. */
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';

let child: ChildProcess | undefined;
afterEach(async () => {
  const left = child;
  child = undefined;
  if (left === undefined || left.exitCode !== null || left.signalCode !== null) return;
  const gone = new Promise((resolve) => left.once('exit', resolve));
  left.kill('SIGTERM');
  await gone;
});

async function chaos(...args: readonly string[]): Promise<{ readonly code: number | null; readonly printed: string }> {
  const program = ['--import', 'tsx', join(import.meta.dirname, 'main.ts'), ...args];
  const running = spawn(process.execPath, program, { stdio: ['ignore', 'pipe', 'pipe'] });
  child = running;
  let printed = '';
  const add = (chunk: Buffer) => {
    printed += chunk.toString();
  };
  running.stdout.on('data', add);
  running.stderr.on('data', add);
  const code = await new Promise<number | null>((resolve) => running.once('close', resolve));
  return { code, printed };
}

const count = (printed: string, row: string): number =>
  Number(new RegExp(`${row} +(\\d+)`).exec(printed)?.[1] ?? Number.NaN);

test('struck every few seconds, with its own Redis, it keeps every promise', async () => {
  const { code, printed } = await chaos('--for', '30s', '--seed', '3', '--redis', 'embedded', '--whole');
  expect(code, printed).toBe(0);
  const dir = /all is running \(([^)]+)\)/.exec(printed)?.[1] ?? '/';
  expect(existsSync(dir), `${dir} is left behind`).toBe(false);
  expect(count(printed, 'renewed, replaced and then ended by us'), printed).toBeGreaterThan(0);
  expect(count(printed, 'versions of the store, by us / by others'), printed).toBeGreaterThan(0);
}, 200_000);

test('struck every few seconds, with a Redis by url, it keeps every promise', async () => {
  const { code, printed } = await chaos('--for', '15s', '--seed', '5', '--redis', 'url');
  expect(code, printed).toBe(0);
}, 200_000);
