/** What Prometheus is told, read as it reads it. */
import { expect, test } from 'vitest';
import { hours, minutes, seconds } from '../../src/core/time.ts';
import { createMetrics } from '../../src/observability/metrics.ts';
import { metricsTable } from '../../src/observability/metrics-table.ts';
import { aLease, held, recordOf, rulesOf } from '../core/build.ts';
import { aStep, aSubject, changed, done, promtool, samplesOf, steeredTime } from './build.ts';

function watched(change: Parameters<typeof aSubject>[1] = {}) {
  const time = steeredTime(0);
  const metrics = createMetrics({ version: '1.2.3', clock: time.clock });
  const subject = aSubject(time.clock, change);
  metrics.watch(subject);
  const scrape = async () => samplesOf(await metrics.render());
  return { time, metrics, subject, scrape };
}

/** The metrics of a daemon that has lived: every kind of series is there. */
function lived() {
  const { time, metrics, scrape, subject } = watched();
  const token = aSubject(time.clock, {
    name: 'infisical-main/token',
    source: 'infisical/access-token',
    isToken: true,
    sinkTypes: { memory: 'memory' },
    rules: rulesOf({ sinks: ['memory'] }),
  });
  metrics.watch(token);
  const memory = { lease: 't1', generation: 0 };
  metrics.listen(
    changed(
      {
        leases: [held(aLease({ id: 't1' }))],
        sinks: { memory: { uses: [memory], has: { ...memory, mark: 'm', reloaded: true, seenAt: 0 } } },
        failures: {},
      },
      'infisical-main/token',
    ),
  );
  const lease = aLease({ maxExpiresAt: hours(24), version: { which: 'current' } });
  metrics.listen(changed({ ...recordOf(held(lease)), succeeded: { acquire: 0 } }));
  metrics.listen(done(aStep('acquire', 'NothingHeld')));
  metrics.listen(done(aStep('write', 'Undelivered', 'file')));
  metrics.listen(done(aStep('renew', 'RenewalDue', 'l1'), { outcome: 'unavailable', at: seconds(3) }));
  metrics.listen(done(aStep('acquire', 'NothingHeld'), { secret: 'infisical-main/token', outcome: 'denied' }));
  metrics.listen({ type: 'begun', secret: 'orders-db', lateness: 12 });
  metrics.listen({ type: 'orphaned', secret: 'orders-db', count: 2 });
  metrics.listen({ type: 'blocked', provider: 'infisical-main', until: minutes(2), because: 'RetryAfter' });
  metrics.listen({
    type: 'decided',
    secret: 'orders-db',
    step: { act: 'wait', until: minutes(30), because: 'NotDue' },
  });
  metrics.onRequest('infisical-main', { operation: 'login', status: '4xx', took: 80 });
  metrics.onSkew('infisical-main', -1500);
  metrics.redisUp(true);
  metrics.queueCounts(async () => ({ look: { delayed: 3, active: 1 } }));
  metrics.configReloaded(false);
  return { time, metrics, scrape, subject, token };
}

test('every metric of the table is in a scrape of a daemon that has lived, and no other of our own', async () => {
  const { metrics } = lived();
  const scrape = await metrics.render();
  const types = [...scrape.matchAll(/^# TYPE (leasekeeper_\S+) (\S+)$/gm)].map(([, name, type]) => `${name} ${type}`);
  expect(types.sort()).toEqual(metricsTable.map(({ name, type }) => `${name} ${type}`).sort());
  for (const { name, labels } of metricsTable) {
    const series = [...samplesOf(scrape).keys()].find((key) => new RegExp(`^${name}(_bucket)?({|$)`).test(key));
    expect(series, name).toBeDefined();
    const found = [...(series ?? '').matchAll(/[{,](\w+)="/g)].map(([, label]) => label).filter((one) => one !== 'le');
    expect(found.sort(), name).toEqual([...labels].sort());
  }
});

test('the names and labels are those that others build on', () => {
  const label = (names: string, labels: string) => names.split(' ').map((name) => `leasekeeper_${name} ${labels}`);
  const promised = [
    ...label('lease_expiry_timestamp_seconds', 'secret,source'),
    ...label('lease_term_start_timestamp_seconds lease_max_expiry_timestamp_seconds', 'secret'),
    ...label('next_renewal_timestamp_seconds next_look_timestamp_seconds outage_tolerance_seconds', 'secret'),
    ...label('superseded_leases required', 'secret'),
    ...label('last_success_timestamp_seconds consecutive_failures', 'secret,act'),
    ...label('secret_state', 'secret,state'),
    ...label('delivery_owed dead_seconds_total', 'secret,sink'),
    ...label('version_destroy_timestamp_seconds', 'secret,which'),
    ...label('token_expiry_timestamp_seconds provider_blocked_until_timestamp_seconds clock_skew_seconds', 'provider'),
    ...label('acts_total', 'act,source,provider,because,outcome'),
    ...label('act_duration_seconds', 'act,source'),
    ...label('failures_total', 'act,source,provider,code'),
    ...label('deliveries_total', 'sink_type,outcome'),
    ...label('orphaned_leases_total', 'source'),
    ...label('provider_request_duration_seconds', 'provider,operation,status'),
    ...label('config_reloads_total', 'outcome'),
    ...label('queue_jobs', 'queue,state'),
    ...label('build_info', 'version,node'),
    ...label('look_lateness_seconds redis_up redis_evicting kept_from_memory config_last_reload_successful', ''),
  ];
  expect(metricsTable.map(({ name, labels }) => `${name} ${labels.join(',')}`).sort()).toEqual(promised.sort());
});

test('promtool finds nothing wrong with a scrape', async () => {
  const { metrics } = lived();
  expect(await promtool(await metrics.render())).toEqual({ code: 0, said: '' });
});

test('promtool would find something: a gauge that is called a total', async () => {
  const { code } = await promtool('# HELP a_total a\n# TYPE a_total gauge\na_total 1\n');
  expect(code).not.toBe(0);
});

test('before anything is held there is no expiry, and the secret is pending, required and owed', async () => {
  const { scrape } = watched();
  const samples = await scrape();
  expect([...samples.keys()].filter((key) => key.includes('_timestamp_seconds{secret'))).toEqual([]);
  expect(samples.get('leasekeeper_secret_state{secret="orders-db",state="pending"}')).toBe('1');
  expect(samples.get('leasekeeper_required{secret="orders-db"}')).toBe('1');
  expect(samples.get('leasekeeper_delivery_owed{secret="orders-db",sink="file"}')).toBe('1');
  expect(samples.get('leasekeeper_dead_seconds_total{secret="orders-db",sink="file"}')).toBe('0');
});

test('of a version it is told when it is destroyed, whether or not that was set, and of the others where they are watched', async () => {
  const { scrape, metrics } = watched();
  const destroyed = (which: string) =>
    `leasekeeper_version_destroy_timestamp_seconds{secret="orders-db",which="${which}"}`;
  metrics.listen(changed(recordOf(held({ id: 'v1', issuedAt: 0, version: { which: 'current' } }))));
  expect((await scrape()).get(destroyed('current'))).toBe('+Inf');
  expect((await scrape()).has(destroyed('other'))).toBe(false);
  const version = { which: 'pinned', othersEndAt: hours(2) } as const;
  metrics.listen(changed(recordOf(held({ id: 'v1', issuedAt: 0, expiresAt: hours(1), version }))));
  expect((await scrape()).get(destroyed('pinned'))).toBe('3600');
  expect((await scrape()).get(destroyed('other'))).toBe('7200');
  expect((await scrape()).has(destroyed('current'))).toBe(false);
  const next = { which: 'current', frozen: 'DestructionScheduled', current: { id: 'v2', endsAt: hours(3) } } as const;
  metrics.listen(changed(recordOf(held({ id: 'v1', issuedAt: 0, version: next }))));
  expect((await scrape()).get(destroyed('current'))).toBe('10800');
});

test('a lease that no sink has taken yet is not an expiry of a consumer', async () => {
  const { scrape, metrics } = watched();
  metrics.listen(changed({ leases: [held()], sinks: {}, failures: {} }));
  const samples = await scrape();
  expect(samples.has(expiry)).toBe(false);
  expect(samples.get('leasekeeper_next_renewal_timestamp_seconds{secret="orders-db"}')).toBe('1800');
});

const expiry = 'leasekeeper_lease_expiry_timestamp_seconds{secret="orders-db",source="infisical/dynamic-secret"}';

test('the dates of a lease of an hour are those that Prometheus sees, and exactly one state is 1', async () => {
  const { scrape } = lived();
  const samples = await scrape();
  expect(samples.get(expiry)).toBe('3600');
  expect(samples.get('leasekeeper_lease_term_start_timestamp_seconds{secret="orders-db"}')).toBe('0');
  expect(samples.get('leasekeeper_lease_max_expiry_timestamp_seconds{secret="orders-db"}')).toBe('86400');
  expect(samples.get('leasekeeper_next_renewal_timestamp_seconds{secret="orders-db"}')).toBe('1800');
  expect(samples.get('leasekeeper_outage_tolerance_seconds{secret="orders-db"}')).toBe('1800');
  expect(samples.get('leasekeeper_next_look_timestamp_seconds{secret="orders-db"}')).toBe('1800');
  const states = [...samples].filter(([key]) => key.startsWith('leasekeeper_secret_state{secret="orders-db"'));
  expect(states).toHaveLength(8);
  expect(states.filter(([, value]) => value === '1').map(([key]) => key)).toEqual([
    'leasekeeper_secret_state{secret="orders-db",state="healthy"}',
  ]);
});

test('a value that never ends has an infinite expiry and tolerance', async () => {
  const { scrape, metrics } = watched();
  const { expiresAt: _, renewal: __, ...lease } = aLease();
  metrics.listen(changed(recordOf(held(lease))));
  const samples = await scrape();
  expect(samples.get(expiry)).toBe('+Inf');
  expect(samples.get('leasekeeper_lease_max_expiry_timestamp_seconds{secret="orders-db"}')).toBe('+Inf');
  expect(samples.get('leasekeeper_outage_tolerance_seconds{secret="orders-db"}')).toBe('+Inf');
});

test('the expiry is that of the value in the sink, not of the lease that was renewed with a new value', async () => {
  const { scrape, metrics } = watched();
  const renewed = held(aLease({ expiresAt: hours(2) }), { generation: 1, formerEnds: { 0: hours(1) } });
  const record = recordOf(held());
  metrics.listen(changed({ ...record, leases: [renewed] }));
  const samples = await scrape();
  expect(samples.get(expiry)).toBe('3600');
  expect(samples.get('leasekeeper_delivery_owed{secret="orders-db",sink="file"}')).toBe('1');
});

test('the state moves with time alone, without any event', async () => {
  const { scrape, metrics, time } = watched();
  metrics.listen(changed(recordOf(held())));
  time.moveTo(minutes(31));
  expect((await scrape()).get('leasekeeper_secret_state{secret="orders-db",state="overdue"}')).toBe('1');
  time.moveTo(minutes(61));
  expect((await scrape()).get('leasekeeper_secret_state{secret="orders-db",state="expired"}')).toBe('1');
});

test('dead seconds are counted from the end of a value until another is in use, and stand still afterwards', async () => {
  const { scrape, metrics, time } = watched();
  const dead = async () =>
    Number((await scrape()).get('leasekeeper_dead_seconds_total{secret="orders-db",sink="file"}'));
  metrics.listen(changed(recordOf(held())));
  time.moveTo(minutes(60));
  expect(await dead()).toBe(0);
  time.moveTo(minutes(60) + 1500);
  expect(await dead()).toBe(1.5);
  time.moveTo(minutes(60) + 2500);
  metrics.listen(changed(recordOf(held(aLease({ id: 'l2', expiresAt: hours(3) })))));
  time.moveTo(hours(2));
  expect(await dead()).toBe(2.5);
});

test("a token is kept like a secret, and measured like one, but it is nobody's value: no sink owes or lapses by it", async () => {
  const { scrape } = lived();
  const samples = await scrape();
  expect(samples.get('leasekeeper_token_expiry_timestamp_seconds{provider="infisical-main"}')).toBe('3600');
  const named = [...samples.keys()].filter((key) => key.includes('secret="infisical-main/token"'));
  expect(new Set(named.map((key) => key.replace(/\{.*/, '').replace('leasekeeper_', '')))).toEqual(
    new Set([
      'lease_term_start_timestamp_seconds',
      'lease_max_expiry_timestamp_seconds',
      'next_renewal_timestamp_seconds',
      'outage_tolerance_seconds',
      'secret_state',
    ]),
  );
  expect(samples.get('leasekeeper_next_renewal_timestamp_seconds{secret="infisical-main/token"}')).toBe('1800');
  expect(samples.get('leasekeeper_orphaned_leases_total{source="infisical/dynamic-secret"}')).toBe('2');
  const denied = 'act="acquire",source="infisical/access-token",provider="infisical-main",code="denied"';
  expect(samples.get(`leasekeeper_failures_total{${denied}}`)).toBe('1');
});

test('a login that was never rejected was rejected 0 times: the first time is an increase', async () => {
  const { scrape, metrics, time } = watched();
  const token = { name: 'infisical-main/token', source: 'infisical/access-token', isToken: true };
  metrics.watch(aSubject(time.clock, { ...token, sinkTypes: { memory: 'memory' } }));
  const rejected = [...(await scrape())].filter(([key]) => key.startsWith('leasekeeper_failures_total'));
  const labels = 'act="acquire",source="infisical/access-token",provider="infisical-main",code="denied"';
  expect(rejected).toEqual([[`leasekeeper_failures_total{${labels}}`, '0']]);
});

test('a success ends the row of failures although the record remembers it', async () => {
  const { scrape, metrics, time } = watched();
  const failure = { count: 4, denied: 0, at: minutes(31), code: 'unavailable' as const, notBefore: 0 };
  metrics.listen(changed({ ...recordOf(held()), failures: { 'renew:l1': failure } }));
  time.moveTo(minutes(32));
  const series = 'leasekeeper_consecutive_failures{secret="orders-db",act="renew"}';
  expect((await scrape()).get(series)).toBe('4');
  const succeeded = { renew: minutes(32) };
  metrics.listen(changed({ ...recordOf(held()), failures: { 'renew:l1': { ...failure, isOver: true } }, succeeded }));
  const samples = await scrape();
  expect(samples.get(series)).toBe('0');
  expect(samples.get('leasekeeper_last_success_timestamp_seconds{secret="orders-db",act="renew"}')).toBe('1920');
});

test('a wait of a sink is not the next look', async () => {
  const { scrape, metrics } = lived();
  const until = minutes(55);
  metrics.listen({
    type: 'decided',
    secret: 'orders-db',
    sink: 'file',
    step: { act: 'wait', until, because: 'NotDue' },
  });
  expect((await scrape()).get('leasekeeper_next_look_timestamp_seconds{secret="orders-db"}')).toBe('1800');
});

test('failed reload steps and writes are deliveries; a blocked act is no failure', async () => {
  const { scrape, metrics } = watched();
  metrics.listen(done(aStep('write', 'Undelivered', 'file')));
  metrics.listen(done(aStep('reload', 'Unacknowledged', 'file'), { outcome: 'unavailable' }));
  metrics.listen(done(aStep('reload', 'Unacknowledged', 'file')));
  metrics.listen(done(aStep('renew', 'RenewalDue', 'l1'), { outcome: 'blocked' }));
  const samples = await scrape();
  expect(samples.get('leasekeeper_deliveries_total{sink_type="file",outcome="ok"}')).toBe('1');
  expect(samples.get('leasekeeper_deliveries_total{sink_type="file",outcome="unavailable"}')).toBe('1');
  expect([...samples.keys()].filter((key) => key.startsWith('leasekeeper_failures_total{act="renew"'))).toEqual([]);
});

test('the series of a secret that left disappear, and those of a provider and a source with the last of it', async () => {
  const { scrape, metrics } = lived();
  expect([...(await scrape()).keys()].filter((key) => key.includes('orders-db')).length).toBeGreaterThan(15);
  metrics.forget('orders-db');
  const without = [...(await scrape()).keys()];
  expect(without.filter((key) => key.includes('orders-db') || key.includes('dynamic-secret'))).toEqual([]);
  expect(without.filter((key) => key.includes('provider="infisical-main"')).length).toBeGreaterThan(3);
  metrics.forget('infisical-main/token');
  expect([...(await scrape()).keys()].filter((key) => key.includes('infisical'))).toEqual([]);
});

test('a late event of a secret that left brings nothing back', async () => {
  const { scrape, metrics } = lived();
  metrics.forget('orders-db');
  metrics.listen(changed(recordOf(held())));
  metrics.listen(done(aStep('renew', 'RenewalDue', 'l1')));
  expect([...(await scrape()).keys()].filter((key) => key.includes('orders-db'))).toEqual([]);
});

test('a queue that cannot be asked costs its own series and nothing else', async () => {
  const { scrape, metrics } = lived();
  metrics.queueCounts(() => {
    throw new Error('no Redis');
  });
  const samples = await scrape();
  expect([...samples.keys()].filter((key) => key.startsWith('leasekeeper_queue_jobs'))).toEqual([]);
  expect(samples.get(expiry)).toBe('3600');
});

test('a queue that never answers does not hold up the scrape', async () => {
  const { scrape, metrics } = lived();
  metrics.queueCounts(() => new Promise(() => {}));
  expect((await scrape()).get(expiry)).toBe('3600');
});

test('an unblocked provider is blocked until 0', async () => {
  const { scrape, metrics } = lived();
  const series = 'leasekeeper_provider_blocked_until_timestamp_seconds{provider="infisical-main"}';
  const logins = series.replace('main', 'main/token');
  expect([(await scrape()).get(series), (await scrape()).get(logins)]).toEqual(['120', '0']);
  metrics.listen({ type: 'blocked', provider: 'infisical-main' });
  expect((await scrape()).get(series)).toBe('0');
});

test('what is due while its provider may not be asked is blocked, until it may be', async () => {
  const { scrape, metrics, time } = watched();
  const state = async () =>
    [...(await scrape())].filter(([key, value]) => key.startsWith('leasekeeper_secret_state') && value === '1');
  metrics.listen(changed(recordOf(held())));
  time.moveTo(minutes(31));
  metrics.listen({ type: 'blocked', provider: 'infisical-main', until: minutes(32), because: 'RetryAfter' });
  expect(String(await state())).toContain('state="blocked"');
  metrics.listen({ type: 'blocked', provider: 'infisical-main/token', until: minutes(40), because: 'RetryAfter' });
  time.moveTo(minutes(32));
  expect(String(await state())).toContain('state="overdue"');
});

test('names with quotes, backslashes and line ends do not break a scrape', async () => {
  const { metrics, time } = watched();
  metrics.watch(aSubject(time.clock, { rules: rulesOf({ sinks: ['file:/a"b\\c\nd'] }) }));
  const scrape = await metrics.render();
  expect(scrape).toContain('leasekeeper_delivery_owed{secret="orders-db",sink="file:/a\\"b\\\\c\\nd"} 1\n');
  expect(await promtool(scrape)).toEqual({ code: 0, said: '' });
});

test('a scrape of many secrets lets others work in between', async () => {
  const { metrics, time } = watched();
  for (let i = 0; i < 1000; i++) metrics.watch(aSubject(time.clock, { name: `secret-${i}` }));
  let turns = 0;
  let isDone = false;
  const turn = () => {
    turns += 1;
    if (!isDone) setImmediate(turn);
  };
  setImmediate(turn);
  const scrape = await metrics.render();
  isDone = true;
  expect(turns).toBeGreaterThanOrEqual(3);
  expect(scrape.match(/^leasekeeper_required\{/gm)).toHaveLength(1001);
});

test('dates that nobody knows do not break a scrape', async () => {
  const { scrape, metrics } = watched();
  const record = recordOf(held());
  metrics.listen(changed({ ...record, leases: [] }));
  metrics.listen(done(aStep('renew', 'RenewalDue', 'l1'), { took: Number.NaN }));
  metrics.listen({ type: 'begun', secret: 'orders-db', lateness: Number.NEGATIVE_INFINITY });
  expect((await scrape()).get(expiry)).toBe('0');
});

test("a provider's clock is told against the machine's, also after that was set", async () => {
  const [clock, wall] = [steeredTime(1000), steeredTime(1000)];
  const metrics = createMetrics({ version: '1', clock: clock.clock, wall: wall.clock });
  const said = async () =>
    /^leasekeeper_clock_skew_seconds\{provider="main"\} (\S+)$/m.exec(await metrics.render())?.[1];
  metrics.onSkew('main', -90_000);
  expect(await said()).toBe('-90');
  wall.moveTo(1000 - 90_000);
  expect(await said()).toBe('0');
});
