/** The status page's side of the daemon: what it tells, to whom, and that it stops when nobody listens. */
import { afterEach, expect, test } from 'vitest';
import type { SecretRecord } from '../../src/core/record.ts';
import { hours, minutes, seconds } from '../../src/core/time.ts';
import { type HttpServer, serveHttp } from '../../src/observability/http.ts';
import { createPage, type PageChange, type PageStatus } from '../../src/observability/page/page.ts';
import { aLease, held, recordOf } from '../core/build.ts';
import { aStep, aSubject, changed, done, steeredTime } from './build.ts';

let server: HttpServer | undefined;
afterEach(async () => {
  await server?.close();
  server = undefined;
});

const assets = { markup: '<!doctype html>', style: 'p{}', script: 'void 0', icon: '<svg/>' };
/** This machine's clock is a day ahead of the provider's. */
const ahead = hours(24);

function aPage(options: { host?: string; bundled?: boolean } = {}) {
  const { host = '127.0.0.1', bundled = true } = options;
  const time = steeredTime(minutes(10));
  let isReady = false;
  const page = createPage({
    clock: time.clock,
    wall: { now: () => time.clock.now() + ahead },
    timer: time.timer,
    host,
    assets: bundled ? assets : undefined,
    daemon: () => ({ version: '1', host: 'here', pid: 7, startedAt: 5, isReady, isRedisUp: true }),
  });
  page.watch(aSubject(time.clock));
  const status = (): PageStatus => {
    const answer = page.route('/api/status', { host: 'localhost' });
    if (!answer || !('body' in answer)) throw new Error('there is no status');
    return JSON.parse(answer.body);
  };
  /** Somebody who looks at it. `isAsleep`: it takes nothing. */
  const aReader = () => {
    const told: { event: string; data: PageStatus & PageChange }[] = [];
    const reader = { told, isAsleep: false, stop: () => {} };
    const answer = page.route('/api/events', { host: 'localhost' });
    if (!answer || !('stream' in answer)) throw new Error('there is no stream');
    reader.stop = answer.stream((text) => {
      if (reader.isAsleep) return false;
      const [, event = '', data = ''] = /event: (.*)\ndata: (.*)\n\n$/.exec(text) ?? [];
      told.push({ event, data: JSON.parse(data) });
      return true;
    });
    return reader;
  };
  const ready = () => {
    isReady = true;
  };
  return { page, time, status, aReader, ready };
}

const record: SecretRecord = recordOf(
  held(aLease({ expiresAt: hours(1), maxExpiresAt: hours(3) }), { termStart: minutes(1), since: minutes(1) }),
);

test('dates are on the clock of this machine, whatever the provider believes', () => {
  const { page, status } = aPage();
  page.listen(changed(record));
  const { now, secrets } = status();
  expect(now).toBe(minutes(10) + ahead);
  expect(secrets[0]).toMatchObject({
    name: 'orders-db',
    state: 'healthy',
    termStart: minutes(1) + ahead,
    expiresAt: hours(1) + ahead,
    wallAt: hours(3) + ahead,
    leases: [{ role: 'in use', since: minutes(1) + ahead, endsAt: hours(1) + ahead, wallAt: hours(3) + ahead }],
    sinks: [{ name: 'file', holds: 'newest', isOwed: false, endsAt: hours(1) + ahead }],
  });
});

test('what never ends has no date', () => {
  const { page, status } = aPage();
  const { expiresAt: _, ...endless } = aLease();
  page.listen(changed(recordOf(held(endless))));
  const [secret] = status().secrets;
  expect(secret).not.toHaveProperty('expiresAt');
  expect(secret?.leases[0]).not.toHaveProperty('endsAt');
});

test('a predecessor is shown until its grace is over, and what is left behind is told apart', () => {
  const { page, status } = aPage();
  const old = held(aLease({ id: 'a-rather-long-name-of-a-lease' }), { supersededAt: minutes(9) });
  const dead = held(aLease({ id: 'l0', expiresAt: minutes(5) }), { supersededAt: minutes(2) });
  page.listen(changed({ ...record, leases: [...record.leases, old, dead] }));
  const leases = status().secrets[0]?.leases.slice(1);
  const grace = aSubject({ now: () => 0 }).rules.grace;
  expect(leases).toMatchObject([
    { id: 'a-rather-lon…', role: 'in grace', graceEndsAt: minutes(9) + grace + ahead },
    { role: 'left behind' },
  ]);
});

test('the last acts are told, the latest first; the same again is counted, and only so many are kept', () => {
  const { page, status } = aPage();
  page.listen(changed(record));
  for (let number = 0; number < 12; number += 1) {
    page.listen(done(aStep('observe', 'PollDue'), { at: minutes(number) }));
    page.listen(done(aStep('observe', 'PollDue'), { at: minutes(number) }));
    page.listen(
      done(aStep('renew', 'RenewalDue'), { outcome: 'unavailable', message: 'no answer in time', at: minutes(number) }),
    );
  }
  const acts = status().secrets[0]?.acts ?? [];
  expect(acts).toHaveLength(8);
  expect(acts[0]).toMatchObject({ what: 'renewing', isOk: false, message: 'no answer in time', times: 1 });
  expect(acts[1]).toMatchObject({ what: 'observed', isOk: true, times: 2, at: minutes(11) + ahead });
});

test('who looks is told everything first, and then what changes, gathered', () => {
  const { page, aReader, time, ready } = aPage();
  const { told } = aReader();
  expect(told).toMatchObject([{ event: 'status', data: { secrets: [{ name: 'orders-db', state: 'pending' }] } }]);
  page.listen(changed(record));
  page.listen(changed(record));
  ready();
  expect(told).toHaveLength(1);
  time.pass(200);
  expect(told).toHaveLength(2);
  expect(told[1]).toMatchObject({
    event: 'change',
    data: { secrets: [{ state: 'healthy' }], gone: [], daemon: { isReady: true } },
  });
});

test('what only time changes is told as well; what is as it was is not told again', () => {
  const { page, aReader, time } = aPage();
  page.listen(changed(record));
  const { told } = aReader();
  time.pass(seconds(5));
  expect(told[1]).toMatchObject({ event: 'change', data: { secrets: [], gone: [] } });
  time.moveTo(hours(1));
  expect(told.flatMap(({ data }) => data.secrets.map(({ state }) => state))).toEqual(['healthy', 'overdue', 'expired']);
});

test('a secret that leaves the configuration is gone, and told to be', () => {
  const { page, aReader, time, status } = aPage();
  const { told } = aReader();
  page.forget('orders-db');
  time.pass(200);
  expect(told[1]?.data.gone).toEqual(['orders-db']);
  expect(status().secrets).toEqual([]);
});

test('a provider that is not asked is told of with all its secrets', () => {
  const { page, aReader, time } = aPage();
  page.watch(aSubject(time.clock, { name: 'other', provider: 'elsewhere' }));
  const { told } = aReader();
  page.listen({ type: 'blocked', provider: 'infisical-main', until: hours(1), because: 'RetryAfter' });
  time.pass(200);
  expect(told[1]?.data.secrets.map(({ name, reasons }) => [name, reasons.at(-1)])).toEqual([
    ['orders-db', 'its provider is not asked at the moment'],
  ]);
});

test('a provider that is not asked one kind of thing is told of with what lives on that', () => {
  const { page, status, time } = aPage();
  const known = { renew: ['lease-renew'], acquire: ['lease-create'], observe: ['lease-get'] };
  page.watch(aSubject(time.clock, { rules: { ...aSubject(time.clock).rules, kinds: known } }));
  page.watch(aSubject(time.clock, { name: 'unknown' }));
  page.watch(aSubject(time.clock, { name: 'other', rules: { ...aSubject(time.clock).rules, kinds: { renew: [] } } }));
  const told = (kind: string) => {
    page.listen({ type: 'blocked', provider: 'infisical-main', until: hours(1), because: 'RetryAfter', kind });
    const isTold = ({ reasons }: { readonly reasons: readonly string[] }) =>
      reasons.includes('its provider is not asked at the moment');
    return status()
      .secrets.filter(isTold)
      .map(({ name }) => name);
  };
  expect(told('lease-get')).toEqual(['unknown']);
  expect(told('lease-renew').sort()).toEqual(['orders-db', 'unknown']);
  expect(told('lease-create').sort()).toEqual(['orders-db', 'unknown']);
});

test('where nobody looks nothing is computed: no timer runs, before the first and after the last has left', () => {
  const { page, aReader, time } = aPage();
  page.listen(changed(record));
  expect(time.open()).toBe(0);
  const [one, two] = [aReader(), aReader()];
  expect(time.open()).toBe(1);
  one.stop();
  expect(time.open()).toBe(1);
  two.stop();
  expect(time.open()).toBe(0);
  const again = aReader();
  again.isAsleep = true;
  time.pass(seconds(10));
  expect(time.open()).toBe(0);
});

test('a name that is not of this machine is not answered where the page listens on loopback only', () => {
  const { page } = aPage();
  const statusFor = (host: string) => {
    const answer = page.route('/', { host });
    return answer && 'status' in answer ? answer.status : undefined;
  };
  for (const host of ['127.0.0.1:9465', 'localhost:9465', '[::1]:9465', 'LOCALHOST']) expect(statusFor(host)).toBe(200);
  for (const host of ['evil.example', '10.0.0.1', '', '127.0.0.1.evil.example:9465']) expect(statusFor(host)).toBe(421);
  const open = aPage({ host: '0.0.0.0' }).page.route('/', { host: 'leases.internal' });
  expect(open).toMatchObject({ status: 200 });
});

test('its files come with a policy that lets nothing in from elsewhere; unbundled there are none', () => {
  const { page } = aPage();
  for (const path of ['/', '/page.css', '/page.js', '/icon.svg']) {
    const answer = page.route(path, { host: 'localhost' });
    expect(answer).toMatchObject({ status: 200 });
    const policy = (answer as { headers: Record<string, string> }).headers['content-security-policy'];
    expect(policy).toContain("default-src 'none'");
    expect(policy).not.toContain('unsafe');
  }
  expect(page.route('/nothing', { host: 'localhost' })).toBeUndefined();
  expect(aPage({ bundled: false }).page.route('/', { host: 'localhost' })).toBeUndefined();
});

test('a stream goes over a real connection, ends with the server, and there are only so many', async () => {
  const { page, time } = aPage();
  server = await serveHttp({ setting: 'page.listen', listen: { host: '127.0.0.1', port: 0 }, route: page.route });
  const url = `http://127.0.0.1:${server.address.port}/api/events`;
  const first = await fetch(url);
  expect(first.headers.get('content-type')).toBe('text/event-stream; charset=utf-8');
  const others = await Promise.all(Array.from({ length: 31 }, () => fetch(url)));
  expect(others.map(({ status }) => status)).toEqual(others.map(() => 200));
  expect((await fetch(url)).status).toBe(503);
  await others[0]?.body?.cancel();
  await expect.poll(async () => (await fetch(url)).status).toBe(200);
  page.listen(changed(record));
  time.pass(200);
  const closing = server.close();
  const text = await first.text();
  expect(text).toContain('event: status');
  expect(text).toContain('event: change');
  await Promise.all(others.slice(1).map((one) => one.text()));
  await closing;
});
