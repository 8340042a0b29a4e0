/** What the operator reads, and what never stands there. */
import { expect, test } from 'vitest';
import { LeaseError } from '../../src/core/failure.ts';
import { Material } from '../../src/core/material.ts';
import { allSinks } from '../../src/core/reloading.ts';
import { hours, minutes, seconds } from '../../src/core/time.ts';
import { createLog, type LogOptions } from '../../src/observability/log.ts';
import { aLease, held, recordOf, rulesOf } from '../core/build.ts';
import { aStep, aSubject, changed, done, steeredTime } from './build.ts';

const start = Date.UTC(2026, 0, 1);

function written(options: Partial<LogOptions> = {}) {
  const time = steeredTime(start);
  const lines: string[] = [];
  const log = createLog({
    level: 'info',
    format: 'json',
    clock: time.clock,
    timer: time.timer,
    to: { write: (line) => void lines.push(line) },
    ...options,
  });
  const subject = aSubject(time.clock);
  log.watch(subject);
  const read = () => lines.map((line) => JSON.parse(line) as Record<string, unknown>);
  const words = () => read().map(({ level, msg }) => `${level} ${msg}`);
  return { time, log, lines, read, words, subject };
}

/** In use since the start, for an hour. */
const alive = () => recordOf(held(aLease({ issuedAt: start, expiresAt: start + hours(1) })));
const backingOff = (until: number) => ({ act: 'wait', until, because: 'BackingOff' }) as const;
const renewal = { ...aStep('renew', 'RenewalDue', 'l1'), emergencyAt: start + minutes(57) };

test('a renewal is one line: what, which, why, how long it lives, and what happens next', () => {
  const { log, read } = written();
  log.listen(changed(alive()));
  const until = start + minutes(30);
  log.listen(done(renewal, { at: start, next: { act: 'wait', until, because: 'NotDue' } }));
  expect(read()).toEqual([
    {
      level: 'info',
      time: '2026-01-01T00:00:00.000Z',
      secret: 'orders-db',
      provider: 'infisical-main',
      source: 'infisical/dynamic-secret',
      act: 'renew',
      because: 'RenewalDue',
      lease: 'l1',
      outcome: 'ok',
      took: 0.02,
      state: 'healthy',
      expiresAt: '2026-01-01T01:00:00.000Z',
      nextAct: 'wait',
      nextAt: '2026-01-01T00:30:00.000Z',
      msg: 'orders-db: renewed, because it was due; good for 1h; next look in 30m',
    },
  ]);
});

test('a failure warns, with the words of the error and the next try', () => {
  const { log, words, time } = written();
  log.listen(changed(alive()));
  time.pass(minutes(30));
  const next = backingOff(time.clock.now() + seconds(8));
  log.listen(done(renewal, { outcome: 'unavailable', message: 'no answer within 35s', next }));
  expect(words()).toEqual([
    'warn orders-db: renewing failed (unavailable: no answer within 35s); in use: good for 30m; next try in 8s',
  ]);
});

test('the same failure is said once a minute, with the number that were left out', () => {
  const { log, words, time } = written();
  log.listen(changed(alive()));
  const fail = () => log.listen(done(renewal, { outcome: 'unavailable', next: backingOff(time.clock.now()) }));
  for (let i = 0; i < 60; i++) {
    fail();
    time.pass(seconds(1));
  }
  expect(words()).toHaveLength(1);
  fail();
  expect(words()).toHaveLength(2);
  expect(words()[1]).toContain('61 times in a row');
  expect(words()[1]).toContain('(and 59 more like this before it)');
});

test('another cause is said at once: another code, another secret, a failure that has become urgent', () => {
  const { log, words, time } = written();
  log.watch(aSubject(time.clock, { name: 'other' }));
  log.listen(changed(alive()));
  log.listen(changed(alive(), 'other'));
  time.moveTo(start + minutes(57) - 1);
  log.listen(done(renewal, { outcome: 'unavailable' }));
  log.listen(done(renewal, { outcome: 'gone' }));
  log.listen(done(renewal, { outcome: 'unavailable', secret: 'other' }));
  time.moveTo(start + minutes(57) + 500);
  log.listen(done(renewal, { outcome: 'unavailable' }));
  expect(words().map((line) => line.split(' ')[0])).toHaveLength(4);
  expect(words()[3]).toMatch(/^error orders-db: renewing failed, 3 times in a row/);
});

test('a failure of what is not near its end is a warning, near its end an error', () => {
  const levelAt = (passed: number) => {
    const { log, read, time } = written();
    log.listen(changed(alive()));
    time.moveTo(start + passed);
    log.listen(done(renewal, { outcome: 'unavailable' }));
    return read().at(-1)?.['level'];
  };
  expect(levelAt(minutes(40))).toBe('warn');
  expect(levelAt(minutes(59.5))).toBe('error');
});

test('a rejected login is an error, and it is called a login', () => {
  const { log, words, time } = written();
  const rules = rulesOf({ sinks: ['memory'] });
  log.watch(aSubject(time.clock, { name: 'infisical-main', isToken: true, rules, sinkTypes: { memory: 'memory' } }));
  const next = backingOff(start + minutes(1));
  const step = aStep('acquire', 'NothingHeld');
  log.listen(done(step, { secret: 'infisical-main', outcome: 'denied', message: 'the client secret is wrong', next }));
  expect(words()).toEqual([
    'error infisical-main: logging in failed (denied: the client secret is wrong); no sink has a value yet; next try in 1m',
  ]);
});

test('recovery is said, also where only every sixtieth failure was', () => {
  const { log, words } = written();
  log.listen(changed(alive()));
  for (let i = 0; i < 4; i++) log.listen(done(renewal, { outcome: 'unavailable' }));
  log.listen(done(renewal, { next: { act: 'wait', until: start + minutes(30), because: 'NotDue' } }));
  expect(words().at(-1)).toBe('info orders-db: renewed after 4 failures; good for 1h; next look in 30m');
  expect(words()).toHaveLength(2);
});

test('recovery counts the failures since the last success, not those before it', () => {
  const { log, words, time } = written();
  log.listen(changed(alive()));
  for (let i = 0; i < 3; i++) log.listen(done(renewal, { outcome: 'unavailable' }));
  log.listen(done(renewal));
  time.pass(minutes(2));
  log.listen(done(renewal, { outcome: 'unavailable' }));
  log.listen(done(renewal));
  expect(words().at(-1)).toContain('renewed after 1 failure;');
  time.pass(minutes(2));
  log.listen(done(renewal));
  expect(words().at(-1)).toContain('renewed, because it was due;');
});

test('a failure that was said is never the last word on what is well again', () => {
  const { log, words, time } = written();
  log.listen(changed(alive()));
  log.listen(done(renewal, { outcome: 'unavailable' }));
  log.listen(done(renewal));
  time.pass(seconds(59));
  log.listen(done(renewal, { outcome: 'unavailable' }));
  log.listen(done(renewal));
  time.pass(seconds(1));
  log.listen(done(renewal, { outcome: 'unavailable' }));
  log.listen(done(renewal));
  const failed = 'warn orders-db: renewing failed';
  const renewed = 'info orders-db: renewed after 1 failure';
  expect(words().map((line) => line.split(/ \(|;/)[0])).toEqual([failed, renewed, renewed, failed, renewed]);
});

test('what befalls another lease is no repetition', () => {
  const { log, words } = written();
  for (const id of ['l1', 'l2']) {
    log.listen(changed(recordOf(held(aLease({ id, expiresAt: start + hours(1) })))));
    log.listen(done(aStep('acquire', 'EndOfLife')));
    for (let i = 0; i < 3; i++) log.listen(done(aStep('renew', 'RenewalDue', id)));
  }
  expect(words().map((line) => line.split(',')[0])).toEqual([
    'info orders-db: took a new lease',
    'info orders-db: renewed',
    'info orders-db: took a new lease',
    'info orders-db: renewed',
  ]);
});

test('what a person asked for is answered each time', () => {
  const { log, words } = written();
  for (let i = 0; i < 2; i++) log.always('info', 'HUP: taken over');
  for (let i = 0; i < 2; i++) log.info('odd');
  expect(words()).toEqual(['info HUP: taken over', 'info HUP: taken over', 'info odd']);
});

test('taking a lease makes up for renewals that failed', () => {
  const { log, words } = written();
  log.listen(changed(alive()));
  log.listen(done(renewal, { outcome: 'unavailable' }));
  log.listen(done(aStep('acquire', 'RenewalFailing')));
  expect(words().at(-1)).toContain('took a new lease after 1 failure;');
});

test('the moment a value in use ends is said without any event, and so is its replacement', () => {
  const { log, words, time } = written();
  log.listen(changed(alive()));
  time.moveTo(start + hours(1) - 1);
  expect(words()).toEqual([]);
  time.moveTo(start + hours(1));
  expect(words()).toEqual(['error orders-db: the value that file holds has ended: it is no longer accepted']);
  time.pass(minutes(2));
  log.listen(changed(alive()));
  time.pass(minutes(1));
  log.listen(changed(recordOf(held(aLease({ id: 'l2', expiresAt: start + hours(5) })))));
  expect(words()[1]).toBe('info orders-db: file holds a living value again after 3m');
  expect(words()).toHaveLength(2);
});

test('what others do to a version in use is said once, and again where it is watched anew', () => {
  const { log, words, subject } = written();
  const version = held({ id: 'v1', issuedAt: 0, expiresAt: start + hours(1), version: { which: 'pinned' } });
  const listen = () => log.listen(changed(recordOf(version)));
  listen();
  listen();
  log.forget('orders-db');
  log.watch(subject);
  listen();
  expect(words().map((line) => line.includes('is to be destroyed in 1h'))).toEqual([true, true]);
});

test('that a value has ended is said each time, however soon after the last: nothing else may be', () => {
  const { log, words, time } = written();
  for (let i = 1; i <= 2; i++) {
    log.listen(changed(recordOf(held(aLease({ id: `l${i}`, expiresAt: start + seconds(10 * i) })))));
    time.moveTo(start + seconds(10 * i));
  }
  expect(words().map((line) => line.split(' ')[0])).toEqual(['error', 'info', 'error']);
});

test('of our own access token it is said by that name', () => {
  const { log, words, time } = written();
  log.watch(aSubject(time.clock, { isToken: true }));
  log.listen(changed(alive()));
  time.moveTo(start + hours(1));
  log.listen(changed(recordOf(held(aLease({ id: 'l2', expiresAt: start + hours(5) })))));
  expect(words()).toEqual([
    'error orders-db: our own access token has ended: it is no longer accepted',
    'info orders-db: we have a living access token again after 0ms',
  ]);
});

test('a secret that left the configuration does not end in the log, and leaves no timer behind', () => {
  const { log, lines, time } = written();
  log.listen(changed(alive()));
  expect(time.open()).toBe(1);
  log.forget('orders-db');
  expect(time.open()).toBe(0);
  time.moveTo(start + hours(2));
  log.listen(done(renewal));
  expect(lines).toEqual([]);
});

test('closing leaves no timer behind', async () => {
  const { log, time } = written();
  log.listen(changed(alive()));
  await log.close();
  await log.close();
  expect(time.open()).toBe(0);
});

test('decisions, polls that find nothing new and checks are for debugging', () => {
  const events = (level: 'info' | 'debug') => {
    const { log, lines } = written({ level });
    log.listen({ type: 'decided', secret: 'orders-db', step: renewal });
    log.listen({ type: 'begun', secret: 'orders-db', lateness: 3 });
    log.listen(done(aStep('observe', 'PollDue', 'l1')));
    log.listen(done(aStep('check', 'Unseen', 'file')));
    log.listen(done(renewal, { outcome: 'blocked' }));
    return lines.length;
  };
  expect(events('info')).toBe(0);
  expect(events('debug')).toBe(5);
});

test('our own errors are shown whole, of foreign ones only what cannot quote a value', () => {
  const { log, read, lines } = written();
  const foreign = Object.assign(new TypeError('Bearer hunter2\n    at hunter2 (/a/b.js:1:2)'), {
    code: 'ECONNRESET',
    statusCode: 502,
    headers: { authorization: 'hunter2' },
    body: 'hunter2',
  });
  log.error('it failed', { err: new LeaseError('unavailable', 'no answer', { cause: foreign, unsure: true }) });
  const err = read()[0]?.['err'] as Record<string, unknown> & { readonly cause: { readonly stack: string[] } };
  expect(err).toMatchObject({ type: 'LeaseError', code: 'unavailable', message: 'no answer', unsure: true });
  expect(err.cause).toMatchObject({ type: 'TypeError', code: 'ECONNRESET', statusCode: 502 });
  expect(Object.keys(err.cause).sort()).toEqual(['code', 'stack', 'statusCode', 'type']);
  expect(err.cause.stack[0]).toContain('log.test.ts');
  expect(lines.join('')).not.toContain('hunter2');
});

test('no frame is believed where it cannot be told from the message', () => {
  const shown = (error: Error): unknown => {
    const { log, read } = written();
    log.error('it failed', { err: error });
    return (read()[0]?.['err'] as Record<string, unknown> | undefined)?.['stack'];
  };
  const frame = '    at hunter2 (/a/b.js:1:2)';
  const whole = new Error('plain');
  expect(shown(whole)).not.toBeUndefined();
  const stack = `Error: first\n${frame}\nlast\n${frame}`;
  expect(shown(Object.assign(new Error('last'), { stack }))).toBeUndefined();
  expect(shown(Object.assign(new Error('other'), { stack }))).toBeUndefined();
  expect(
    shown(Object.assign(new Error('x'), { name: `a\n${frame}`, stack: `a\n${frame}: x\n${frame}` })),
  ).toBeUndefined();
});

test('what is no plain fact is left out, and material and tempting names are never shown', () => {
  const { log, read, lines } = written();
  const material = new Material({ password: 'hunter2' });
  log.warn('odd', { material, nested: { err: new Error('hunter2') }, token: 'hunter2', other: new Error('hunter2') });
  expect(lines.join('')).not.toContain('hunter2');
  expect(read()[0]).toMatchObject({ nested: '[omitted]', token: '[Redacted]' });
});

test('for a terminal a line is the time, the level and the words, and nothing in it moves the cursor', () => {
  const { log, lines } = written({ format: 'pretty' });
  log.warn('cannot write \u0000\u001b[2J\nto it', { file: '/run/a b' });
  expect(lines).toEqual(['2026-01-01 00:00:00.000Z WARN  cannot write \\u0000\\u001b[2J\\nto it  file=/run/a b\n']);
});

test('for a terminal an error is its code and our own words, and where that came from', () => {
  const { log, lines } = written({ format: 'pretty' });
  const cause = Object.assign(new Error('hunter2'), { code: 'ECONNREFUSED' });
  log.warn('it failed', { err: new LeaseError('unavailable', 'no answer', { cause }) });
  log.warn('so did this', { err: new TypeError('hunter2') });
  expect(lines.map((line) => line.split('  ')[2])).toEqual([
    'err=unavailable: no answer, from ECONNREFUSED\n',
    'err=TypeError\n',
  ]);
});

test('what a delivery leaves to be done is said, but not where nobody is to be told, nor when the sink is asked next', () => {
  const after = (next: ReturnType<typeof done>['next'], idleReloads: readonly string[] = []) => {
    const { log, words, time } = written();
    log.watch(aSubject(time.clock, { idleReloads }));
    log.listen(changed(alive()));
    log.listen(done(aStep('write', 'Undelivered', 'file'), { next }));
    return words()[0]?.split('newest values')[1];
  };
  const telling = aStep('reload', 'Unacknowledged', 'file');
  expect(after(telling)).toBe('; telling its programs now');
  expect(after(telling, ['file'])).toBe('');
  expect(after({ act: 'wait', until: start + hours(1), because: 'NotDue' })).toBe('');
});

test('programs are told of in words, and a sink without a program behind it is no news', () => {
  const { log, words, time, subject } = written();
  const next = { act: 'wait', until: start + hours(1), because: 'NotDue' } as const;
  log.listen(changed(alive()));
  log.listen(done(aStep('reload', 'Unacknowledged', 'file'), { at: start, next }));
  log.watch({ ...subject, idleReloads: ['file'] });
  time.pass(minutes(2));
  log.listen(done(aStep('reload', 'Unacknowledged', 'file'), { at: time.clock.now(), next }));
  log.listen(done(aStep('reload', 'Unacknowledged', allSinks), { at: time.clock.now(), next }));
  const problem = {
    outcome: 'unavailable',
    message: 'there is no /run/orders.pid',
    next: backingOff(time.clock.now() + seconds(1)),
  } as const;
  log.listen(done(aStep('reload', 'Unacknowledged', allSinks), problem));
  expect(words()).toEqual([
    'info orders-db: file taken up by its program, because the new values had not been taken up',
    'info orders-db: told its programs, because the new values had not been taken up',
    'warn orders-db: telling its programs failed (unavailable: there is no /run/orders.pid); in use: good for 58m; next try in 1s',
  ]);
});
