/** A real Prometheus of one's own that scrapes a daemon every second, and what it is asked. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { stringify } from 'yaml';
import { freePort } from './ports.ts';

export interface PrometheusOptions {
  /** The port of the loopback that is scraped. */
  readonly target: number;
  readonly rules: readonly string[];
}

export interface Alert {
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
  readonly state: 'pending' | 'firing';
}

export interface Series {
  readonly metric: Readonly<Record<string, string>>;
  readonly values: readonly (readonly [number, string])[];
}

export interface Rule {
  readonly name: string;
  readonly health: 'ok' | 'err' | 'unknown';
  readonly lastError?: string;
}

export interface Prometheus {
  readonly url: string;
  /** From then on, second by second. Rejects with Prometheus' own words where the query is none. */
  range(expr: string, from: number): Promise<readonly Series[]>;
  alerts(): Promise<readonly Alert[]>;
  rules(): Promise<readonly Rule[]>;
  /** The labels of all series that match. */
  series(match: string): Promise<readonly Readonly<Record<string, string>>[]>;
  /** Twice is harmless. */
  stop(): Promise<void>;
}

const patience = 20_000;

/** Resolves when it answers. */
export async function aPrometheus({ target, rules }: PrometheusOptions): Promise<Prometheus> {
  const dir = await mkdtemp(join(tmpdir(), 'lk-prometheus-'));
  const file = join(dir, 'prometheus.yml');
  const configuration = {
    global: { scrape_interval: '1s', scrape_timeout: '1s', evaluation_interval: '1s' },
    rule_files: rules,
    scrape_configs: [{ job_name: 'leasekeeper', static_configs: [{ targets: [`127.0.0.1:${target}`] }] }],
  };
  await writeFile(file, stringify(configuration));
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const guard = existsSync('/usr/bin/setpriv') ? ['/usr/bin/setpriv', '--pdeathsig', 'KILL', '--'] : [];
  const own = [
    `--config.file=${file}`,
    `--storage.tsdb.path=${join(dir, 'data')}`,
    `--web.listen-address=127.0.0.1:${port}`,
  ];
  const [command = 'prometheus', ...args] = [...guard, 'prometheus', ...own, '--log.level=warn'];
  const child = spawn(command, args, { stdio: ['ignore', 'ignore', 'pipe'] });
  let said = '';
  child.stderr.on('data', (chunk: Buffer) => {
    said = (said + chunk.toString()).slice(-4000);
  });
  child.once('error', (error) => {
    said += error.message;
  });
  const gone = once(child, 'close').catch(() => undefined);
  const isGone = () => child.pid === undefined || child.exitCode !== null || child.signalCode !== null;
  const stop = async () => {
    if (!isGone()) child.kill('SIGTERM');
    await gone;
    await rm(dir, { recursive: true, force: true });
  };
  const limit = performance.now() + patience;
  while (!(await isReady(url))) {
    if (!isGone() && performance.now() < limit) {
      await pause(50);
      continue;
    }
    await stop();
    throw new Error(`prometheus did not start: ${said}`);
  }
  const ask = async <T>(path: string, parameters: Readonly<Record<string, string>> = {}): Promise<T> => {
    const response = await fetch(`${url}/api/v1/${path}?${new URLSearchParams(parameters)}`);
    const answer = (await response.json()) as { readonly data: T; readonly error?: string };
    if (answer.error !== undefined) throw new Error(`${answer.error}: ${parameters['query'] ?? path}`);
    return answer.data;
  };
  return {
    url,
    range: async (expr, from) => {
      const times = { start: String(from / 1000), end: String(Date.now() / 1000), step: '1' };
      return (await ask<{ result: readonly Series[] }>('query_range', { query: expr, ...times })).result;
    },
    alerts: async () => (await ask<{ alerts: readonly Alert[] }>('alerts')).alerts,
    rules: async () =>
      (await ask<{ groups: readonly { rules: readonly Rule[] }[] }>('rules')).groups.flatMap((group) => group.rules),
    series: (match) => ask('series', { 'match[]': match }),
    stop,
  };
}

const isReady = (url: string): Promise<boolean> =>
  fetch(`${url}/-/ready`).then(
    ({ ok }) => ok,
    () => false,
  );
