/** Readiness from records alone, and the probes through a real server. */
import { afterEach, expect, test } from 'vitest';
import type { SecretRecord } from '../../src/core/record.ts';
import { hours, minutes } from '../../src/core/time.ts';
import { createHealth, type SecretHealth } from '../../src/observability/health.ts';
import { type HttpServer, serveHttp } from '../../src/observability/http.ts';
import { createMetrics } from '../../src/observability/metrics.ts';
import { observabilityRoutes } from '../../src/observability/routes.ts';
import { aLease, held, recordOf, rulesOf } from '../core/build.ts';
import { aStep, aSubject, changed, done, steeredTime } from './build.ts';

let server: HttpServer | undefined;
afterEach(async () => {
  await server?.close();
  server = undefined;
});

function watched(change: Parameters<typeof aSubject>[1] = {}) {
  const time = steeredTime(minutes(10));
  const health = createHealth({ clock: time.clock });
  health.watch(aSubject(time.clock, change));
  return { time, health };
}

/** Written and taken up at that time. */
const delivered = (seenAt: number, record: SecretRecord = recordOf(held())): SecretRecord => ({
  ...record,
  sinks: Object.fromEntries(
    Object.entries(record.sinks).map(([name, state]) => [
      name,
      { ...state, ...(state.has && { has: { ...state.has, seenAt } }) },
    ]),
  ),
});

async function served() {
  const { time, health } = watched();
  const metrics = createMetrics({ version: '1', clock: time.clock });
  metrics.watch(aSubject(time.clock));
  server = await serveHttp({
    setting: 'http.listen',
    listen: { host: '127.0.0.1', port: 0 },
    route: observabilityRoutes(health, metrics),
  });
  const get = (path: string) => fetch(`http://127.0.0.1:${server?.address.port}${path}`);
  return { time, health, metrics, get };
}

test('not ready before the first delivery, ready after it', () => {
  const { health, time } = watched();
  expect(health.readiness()).toEqual({ isReady: false, reasons: ['orders-db: not yet delivered to file'] });
  health.listen(changed(delivered(time.clock.now())));
  expect(health.readiness()).toEqual({ isReady: true, reasons: [] });
});

test('written is enough: a program that waits for us before it starts has nothing to take up', () => {
  const { health, time } = watched();
  const record = delivered(time.clock.now());
  const { uses, has } = record.sinks['file'] ?? { uses: [] };
  health.listen(changed({ ...record, sinks: { file: { uses, ...(has && { has: { ...has, reloaded: false } }) } } }));
  expect(health.readiness().isReady).toBe(true);
});

test('what the record says of the time before we started is not believed until the sink was asked', () => {
  const { health } = watched();
  health.listen(changed(delivered(0)));
  expect(health.readiness().isReady).toBe(false);
  health.listen(done(aStep('check', 'Unseen', 'file'), { outcome: 'unavailable' }));
  expect(health.readiness().isReady).toBe(false);
  health.listen(done(aStep('check', 'Unseen', 'file')));
  expect(health.readiness().isReady).toBe(true);
});

test('a sink that was emptied while we were away is not delivered, although it was asked', () => {
  const { health } = watched();
  const record = recordOf(held());
  const emptied = { ...record, sinks: { file: { uses: record.sinks['file']?.uses ?? [] } } };
  health.listen(changed(emptied));
  health.listen(done(aStep('check', 'Unseen', 'file')));
  expect(health.readiness().isReady).toBe(false);
});

test('an ended value makes unready with time alone, and its replacement ready again', () => {
  const { health, time } = watched();
  health.listen(changed(delivered(time.clock.now())));
  time.moveTo(hours(1) - 1);
  expect(health.readiness().isReady).toBe(true);
  time.moveTo(hours(1));
  expect(health.readiness().reasons).toEqual(['orders-db: the value that file holds has ended']);
  health.listen(changed(delivered(hours(1), recordOf(held(aLease({ id: 'l2', expiresAt: hours(3) }))))));
  expect(health.readiness().isReady).toBe(true);
});

test('where a program was not told of the new value it is said to use the old one, and not the sink', () => {
  const { health, time } = watched();
  const [first, second] = [held(), held(aLease({ id: 'l2', expiresAt: hours(5) }))];
  const before = delivered(time.clock.now(), recordOf(first));
  health.listen(changed(before));
  const uses = [first, second].map(({ lease }) => ({ lease: lease.id, generation: 0 }));
  const has = { lease: 'l2', generation: 0, mark: 'm', reloaded: false, seenAt: 0 };
  health.listen(changed({ ...before, leases: [second, first], sinks: { file: { uses, has } } }));
  time.moveTo(hours(1));
  const reason = 'a value that file held before has ended, and its program was not told of the new one';
  expect(health.readiness().reasons).toEqual([`orders-db: ${reason}`]);
  expect(health.secret('orders-db')?.sinks[0]).toMatchObject({ holds: 'newest', owed: true });
  const { has: _, ...emptied } = { uses, has };
  health.listen(changed({ ...before, leases: [first], sinks: { file: emptied } }));
  expect(health.readiness().reasons).toEqual(['orders-db: the value that file held has ended']);
});

test('what is merely owed later is no unreadiness, nor is a file deleted after its first delivery', () => {
  const { health, time } = watched();
  const first = held();
  const record = delivered(time.clock.now(), recordOf(first));
  health.listen(changed(record));
  health.listen(changed({ ...record, leases: [held(aLease({ id: 'l2', expiresAt: hours(5) })), first] }));
  expect(health.readiness().isReady).toBe(true);
  expect(health.secret('orders-db')?.sinks[0]).toMatchObject({ holds: 'older', owed: true });
  health.listen(changed({ ...record, sinks: { file: { uses: record.sinks['file']?.uses ?? [] } } }));
  expect(health.readiness().isReady).toBe(true);
});

test('only required secrets count, only with their local sinks, and tokens not by themselves', () => {
  const { health, time } = watched({ required: false });
  health.watch(aSubject(time.clock, { name: 'token', isToken: true }));
  const sinkTypes = { file: 'file', hook: 'webhook' };
  health.watch(aSubject(time.clock, { name: 'both', sinkTypes, rules: rulesOf({ sinks: ['file', 'hook'] }) }));
  const uses = [{ lease: 'l1', generation: 0 }];
  const has = { lease: 'l1', generation: 0, mark: 'm', reloaded: true, seenAt: time.clock.now() };
  health.listen(changed({ ...recordOf(held()), sinks: { file: { uses, has } } }, 'both'));
  expect(health.readiness()).toEqual({ isReady: true, reasons: [] });
  expect(health.secret('orders-db')?.ready).toBe(false);
});

test('a secret that only others see takes nothing from the program beside us, and has a readiness of its own', () => {
  const { health, time } = watched({ sinkTypes: { hook: 'webhook' }, rules: rulesOf({ sinks: ['hook'] }) });
  expect(health.readiness()).toEqual({ isReady: true, reasons: [] });
  expect(health.secret('orders-db')).toMatchObject({ ready: false, reason: expect.stringContaining('to hook') });
  const { file = { uses: [] } } = delivered(time.clock.now()).sinks;
  health.listen(changed({ ...delivered(time.clock.now()), sinks: { hook: file } }));
  expect(health.secret('orders-db')?.ready).toBe(true);
  time.moveTo(hours(2));
  expect(health.readiness().isReady).toBe(true);
  expect(health.secret('orders-db')?.ready).toBe(false);
});

test('a secret that left the configuration no longer counts', () => {
  const { health, time } = watched();
  health.watch(aSubject(time.clock, { name: 'other', required: false }));
  health.forget('orders-db');
  expect(health.readiness().isReady).toBe(true);
  expect(health.secret('orders-db')).toBeUndefined();
});

test('who knows of no secret yet is not ready', () => {
  const health = createHealth({ clock: steeredTime(0).clock });
  expect(health.readiness()).toEqual({ isReady: false, reasons: ['starting'] });
});

test('one secret as JSON: dates, sinks, the last failure and why', async () => {
  const { health, time, get } = await served();
  const failure = { count: 3, denied: 0, at: minutes(31), code: 'unavailable' as const, notBefore: 0 };
  health.listen(changed({ ...delivered(time.clock.now()), failures: { 'renew:l1': failure } }));
  const until = minutes(32);
  health.listen({ type: 'decided', secret: 'orders-db', step: { act: 'wait', until, because: 'BackingOff' } });
  const step = { act: 'renew', to: 'l1', because: 'RenewalDue', at: 0, deadline: 0, emergencyAt: 0 } as const;
  const next = { act: 'wait', until, because: 'BackingOff' } as const;
  health.listen(done(step, { outcome: 'unavailable', message: 'no answer', next }));
  time.moveTo(minutes(31));
  const answer = await get('/readyz/orders-db');
  expect(answer.status).toBe(200);
  expect(answer.headers.get('content-type')).toContain('application/json');
  expect((await answer.json()) as SecretHealth).toEqual({
    secret: 'orders-db',
    source: 'infisical/dynamic-secret',
    provider: 'infisical-main',
    required: true,
    ready: true,
    state: 'failing',
    reason: 'something is due, and fails',
    expiresAt: '1970-01-01T01:00:00.000Z',
    termStart: '1970-01-01T00:00:00.000Z',
    renewsAt: '1970-01-01T00:30:00.000Z',
    nextLookAt: '1970-01-01T00:32:00.000Z',
    sinks: [{ name: 'file', type: 'file', holds: 'newest', owed: false, endsAt: '1970-01-01T01:00:00.000Z' }],
    failures: [
      {
        act: 'renew',
        count: 3,
        code: 'unavailable',
        at: '1970-01-01T00:31:00.000Z',
        message: 'no answer',
        nextTryAt: '1970-01-01T00:32:00.000Z',
      },
    ],
  });
});

test('the probes: alive always, ready only when ready, with the reasons', async () => {
  const { health, time, get } = await served();
  expect((await get('/livez')).status).toBe(200);
  const before = await get('/readyz');
  expect([before.status, await before.text()]).toEqual([503, 'not ready\norders-db: not yet delivered to file\n']);
  expect((await get('/readyz/orders-db')).status).toBe(503);
  health.listen(changed(delivered(time.clock.now())));
  const after = await get('/readyz?verbose');
  expect([after.status, await after.text()]).toEqual([200, 'ready\n']);
  expect((await get('/livez')).status).toBe(200);
});

test('metrics are served as Prometheus wants them; what does not exist is 404', async () => {
  const { get } = await served();
  const scrape = await get('/metrics');
  expect(scrape.headers.get('content-type')).toBe('text/plain; version=0.0.4; charset=utf-8');
  expect(await scrape.text()).toContain('\nleasekeeper_build_info{version="1"');
  for (const path of [
    '/',
    '/readyz/',
    '/readyz/unknown',
    '/readyz/%E0%A4%A',
    '/metrics/',
    '//livez',
    '/readyz/__proto__',
  ]) {
    expect((await get(path)).status, path).toBe(404);
  }
});
