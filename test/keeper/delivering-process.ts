/**
 * A process that keeps one secret with a real file, a real command as its reload step, and a record on disk, until there
 * is nothing to be done; it kills itself by SIGKILL right after the step that it is told.
 */
import { appendFileSync, existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { steadyClock } from '../../src/clock.ts';
import { Material } from '../../src/core/material.ts';
import { emptyRecord, type SecretRecord } from '../../src/core/record.ts';
import { hours } from '../../src/core/time.ts';
import { deliver } from '../../src/keeper/deliver.ts';
import { Gate } from '../../src/keeper/gate.ts';
import { look } from '../../src/keeper/look.ts';
import { reload } from '../../src/keeper/reload.ts';
import { type Ports, secretOf } from '../../src/keeper/secret.ts';
import type { Job } from '../../src/queue/scheduler.ts';
import { nameOf } from '../../src/queue/scheduler.ts';
import { fileSink } from '../../src/sinks/file.ts';
import { withReload } from '../../src/sinks/reload.ts';
import { exec } from '../../src/sinks/reload-exec.ts';
import type { Store } from '../../src/state/store.ts';

const [dir = '', generation = '', fatal = '-1'] = process.argv.slice(2);
const env = { PATH: process.env['PATH'] };

let step = 0;
/** One step of many; the fatal one is not survived. */
async function stepping<T>(what: string, does: () => T | Promise<T>): Promise<T> {
  const answer = await does();
  if (step++ === Number(fatal)) {
    writeFileSync(join(dir, 'death'), what);
    process.kill(process.pid, 'SIGKILL');
  }
  return answer;
}

const place = join(dir, 'record.json');
const read = (): { revision: number; record: SecretRecord } =>
  existsSync(place) ? JSON.parse(readFileSync(place, 'utf8')) : { revision: 0, record: emptyRecord };

const holding = (record: SecretRecord) => record.leases.map(({ lease }) => lease.id);
const material = (id: string) => new Material({ VALUE: id });

/** Values are sealed elsewhere: here every lease has its own name for one. */
const store: Store = {
  load: async () => read(),
  values: async () =>
    holding(read().record).map((lease) => ({ holding: { lease, generation: 0 }, material: material(lease) })),
  update: (_, change) =>
    stepping('save', () => {
      const { revision, record } = read();
      const next = { revision: revision + 1, record: change(record) };
      const { acknowledged, sinks } = next.record;
      const taken = [acknowledged?.lease, ...Object.values(sinks).map(({ has }) => has?.reloaded && has.lease)];
      writeFileSync(`${place}.new`, JSON.stringify(next));
      renameSync(`${place}.new`, place);
      appendFileSync(join(dir, 'acknowledged'), `${JSON.stringify(taken)}\n`);
      return next;
    }),
  remove: async () => undefined,
  list: async () => ['s'],
};

const clock = steadyClock();
const begunAt = clock.now();
const plan = new Map<string, { readonly job: Job; at: number }>();
const put = (job: Job, at: number) => void plan.set(nameOf(job), { job, at });
const ports: Ports = {
  store,
  scheduler: {
    succeed: async (job, at) => put(job, at),
    wake: async (job, at) => put(job, Math.min(at, plan.get(nameOf(job))?.at ?? Number.POSITIVE_INFINITY)),
  },
  clock,
  uptime: () => clock.now() - begunAt,
  deadline: () => new AbortController().signal,
  emit: () => undefined,
  newKey: () => 'key',
};

const told = (name: string) =>
  exec(
    {
      exec: ['sh', '-c', `cat "$0" >> "$1"; echo >> "$1"`, join(dir, 'value'), join(dir, name)],
      timeout: 9_000,
      env: [],
    },
    { env },
  );
const file = fileSink(
  { path: join(dir, 'value'), format: 'raw', key: 'VALUE', keys: 'all', mode: 0o600 },
  Buffer.alloc(32),
);
const [ofSink, ofSecret] = [told('told-by-sink'), told('told-by-secret')];
const wrapped = withReload(
  { ...file, write: (delivery, signal) => stepping('write', () => file.write(delivery, signal)) },
  [{ run: (signal) => stepping('reload of the sink', () => ofSink.run(signal)) }],
);
const secret = secretOf({
  name: 's',
  type: 'test/lease',
  provider: 'p',
  required: true,
  isToken: false,
  // Each generation is another lease: the one before is outdated when this process asks.
  source: {
    clock,
    uncertainty: () => 0,
    acquire: async () => {
      const now = clock.now();
      return { lease: { id: generation, issuedAt: now, expiresAt: now + hours(9) }, material: material(generation) };
    },
    observe: async (lease) => ({ is: lease.id === generation ? 'held' : 'outdated', lease }) as const,
  },
  sinks: { file: wrapped },
  sinkTypes: { file: 'file' },
  policy: { renewAt: 0.9, jitter: 0, grace: hours(1) },
  gate: new Gate({ name: 'p', clock, emit: () => undefined }),
  reload: (signal) => stepping('reload of the secret', () => ofSecret.run(signal)),
});

const visit = { secret, ports, signal: new AbortController().signal };
const jobs: readonly Job[] = [
  { kind: 'look', secret: 's' },
  { kind: 'deliver', secret: 's', sink: 'file' },
  { kind: 'reload', secret: 's' },
];
for (const job of jobs) put(job, 0);
for (;;) {
  // What is to come within a second or two is waited for: acquires keep a distance from one another.
  const [next] = [...plan.values()].sort((a, b) => a.at - b.at);
  if (!next || next.at > clock.now() + 5_000) break;
  const wait = next.at - clock.now();
  if (wait > 0) await new Promise((resolve) => setTimeout(resolve, wait));
  const { job } = next;
  put(job, Number.POSITIVE_INFINITY);
  if (job.kind === 'look') await look(visit);
  else if (job.kind === 'deliver') await deliver(visit, job.sink);
  else await reload(visit);
}
process.stdout.write(String(step));
