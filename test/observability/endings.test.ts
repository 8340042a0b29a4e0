/** What is said of values that end otherwise than by their date. */
import { expect, test } from 'vitest';
import { hours, minutes } from '../../src/core/time.ts';
import { createLog } from '../../src/observability/log.ts';
import { aLease, held, recordOf } from '../core/build.ts';
import { aStep, aSubject, changed, done, steeredTime } from './build.ts';

const start = Date.UTC(2026, 0, 1);

function written() {
  const time = steeredTime(start);
  const lines: string[] = [];
  const to = { write: (line: string) => void lines.push(line) };
  const log = createLog({ level: 'info', format: 'json', clock: time.clock, timer: time.timer, to });
  log.watch(aSubject(time.clock));
  const words = () =>
    lines.map((line) => JSON.parse(line) as Record<string, unknown>).map(({ level, msg }) => `${level} ${msg}`);
  return { time, log, words };
}

/** In use since the start, for an hour. */
const alive = () => recordOf(held(aLease({ issuedAt: start, expiresAt: start + hours(1) })));

test('a value that somebody ended is said to have ended before its time', () => {
  const { log, words, time } = written();
  log.listen(changed(alive()));
  time.pass(minutes(20));
  log.listen(changed(recordOf(held(aLease({ issuedAt: start, expiresAt: time.clock.now() })))));
  expect(words()).toEqual([
    'error orders-db: the value that file holds has ended 40m before its time: it is no longer accepted',
  ]);
});

test('a value that had ended by its date before we heard of it did not end before its time', () => {
  const { log, words, time } = written();
  time.pass(hours(2));
  log.listen(changed(alive()));
  expect(words()).toEqual(['error orders-db: the value that file holds has ended: it is no longer accepted']);
});

test('what is ended because somebody asked for it wakes nobody', () => {
  const { log, words } = written();
  const [lease] = alive().leases;
  if (!lease) throw new Error('there is one');
  log.listen(changed({ ...alive(), leases: [{ ...lease, unwanted: true }] }));
  log.listen(changed({ ...alive(), leases: [] }));
  expect(words()).toEqual(['warn orders-db: the value that file holds has ended, as was asked for']);
});

test('of a program that was not told of the new value it is said that it uses the old one', () => {
  const { log, words, time } = written();
  const [first, second] = [alive().leases, [held(aLease({ id: 'l2', expiresAt: start + hours(5) }))]];
  const has = { lease: 'l2', generation: 0, mark: 'm', reloaded: false, seenAt: start };
  const uses = [
    { lease: 'l1', generation: 0 },
    { lease: 'l2', generation: 0 },
  ];
  const record = { ...alive(), leases: [...second, ...first], sinks: { file: { uses, has } } };
  log.listen(changed(record));
  time.moveTo(start + hours(1));
  const old = 'a value that file held before has ended, and its program was not told of the new one';
  expect(words()).toEqual([`error orders-db: ${old}`]);
});

test('a lease that had ended when it came is no good news', () => {
  const { log, words, time } = written();
  const failure = { count: 2, denied: 0, at: start, code: 'unavailable', notBefore: start } as const;
  const dead = held(aLease({ id: 'l2', expiresAt: start }), { supersededAt: start });
  const useless = (leases: (typeof dead)[]) => {
    const record = { ...alive(), leases: [...leases, ...alive().leases], failures: { acquire: failure } };
    const next = { act: 'wait', until: start + minutes(1), because: 'BackingOff' } as const;
    log.listen(changed(record));
    log.listen(done(aStep('acquire', 'RotationDue'), { at: start, record, next }));
    time.pass(minutes(2));
  };
  useless([]);
  const after = { ...alive(), leases: [dead], failures: { acquire: failure } };
  log.listen(done(aStep('acquire', 'Expired'), { at: start, record: after }));
  expect(words()).toEqual([
    'warn orders-db: taking a lease failed (the provider gave what we had already); in use: good for 1h; next try in 1m',
    expect.stringContaining('taking a lease failed, 2 times in a row (what the provider gave had ended when it came);'),
  ]);
});
