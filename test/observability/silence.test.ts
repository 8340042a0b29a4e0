/** What is said of a provider that is not asked, and how often. */
import { expect, test } from 'vitest';
import { minutes, seconds } from '../../src/core/time.ts';
import { createEpisodes } from '../../src/observability/episodes.ts';
import { createLog } from '../../src/observability/log.ts';
import { steeredTime } from './build.ts';

const start = Date.UTC(2026, 0, 1);

function written() {
  const { clock, timer, pass } = steeredTime(start);
  const lines: string[] = [];
  const to = { write: (line: string) => void lines.push(line) };
  const log = createLog({ level: 'info', format: 'json', clock, timer, to });
  const words = () =>
    lines.map((line) => JSON.parse(line) as Record<string, unknown>).map(({ level, msg }) => `${level} ${msg}`);
  return { time: { clock, pass }, log, words, episodes: createEpisodes(log, { clock, timer }) };
}

test('a provider that is not asked is said once, and when it may be asked again', () => {
  const { log, words } = written();
  const blocked = { type: 'blocked', provider: 'infisical-main' } as const;
  log.listen({ ...blocked, until: start + minutes(2), because: 'ProviderBusy' });
  log.listen({ ...blocked });
  log.listen({ ...blocked, until: start + minutes(2), because: 'RetryAfter' });
  log.listen({ ...blocked });
  log.listen({ ...blocked, until: start + minutes(2), because: 'RetryAfter', kind: 'lease-get' });
  log.listen({ ...blocked });
  expect(words()).toEqual([
    'warn infisical-main: not asked for 2m, because it asked to be left alone',
    'info infisical-main: may be asked again',
    'warn infisical-main: not asked (lease-get) for 2m, because it asked to be left alone',
    'info infisical-main: may be asked again',
  ]);
});

test('of blocks that follow one another the long ones are said each time, the short ones once a minute', () => {
  const said = (length: number) => {
    const { log, words, time } = written();
    for (let i = 0; i < 3; i++) {
      log.listen({ type: 'blocked', provider: 'p', until: time.clock.now() + length, because: 'RetryAfter' });
      log.listen({ type: 'blocked', provider: 'p' });
    }
    return words().map((line) => line.split(',')[0]);
  };
  const block = (length: string) => [`warn p: not asked for ${length}`, 'info p: may be asked again'];
  expect(said(seconds(29))).toEqual(block('29s'));
  expect(said(seconds(30))).toEqual([...block('30s'), ...block('30s'), ...block('30s')]);
});

test('a block that goes on is said once a minute, however long it is', () => {
  const { log, words, time } = written();
  const goOn = (because: 'CircuitOpen' | 'NoToken') =>
    log.listen({ type: 'blocked', provider: 'p', until: time.clock.now() + seconds(30), because });
  for (let second = 0; second < 63; second += 3) {
    goOn('CircuitOpen');
    time.pass(seconds(3));
  }
  goOn('NoToken');
  goOn('NoToken');
  log.listen({ type: 'blocked', provider: 'p' });
  goOn('CircuitOpen');
  expect(words()).toEqual([
    'warn p: not asked for 30s, because it does not answer, or only with failures',
    'warn p: not asked for 30s, because it does not answer, or only with failures (and 19 more like this before it)',
    'info p: not asked until we have an access token',
    'info p: may be asked again',
    'warn p: not asked for 30s, because it does not answer, or only with failures',
  ]);
});

test('what comes and goes all the time is said once a minute, its end where it was said, and at last how it is', () => {
  const { words, time, episodes } = written();
  const begin = () => episodes.begin('redis', 'warn', 'away');
  const end = () => episodes.end('redis', 'back');
  for (let second = 0; second < 130; second += 2) {
    begin();
    begin();
    time.pass(seconds(1));
    end();
    time.pass(seconds(1));
  }
  expect(words()).toEqual(['warn away', 'info back', 'warn away', 'info back', 'warn away', 'info back']);
  begin();
  time.pass(minutes(1) - seconds(12));
  expect(words()).toHaveLength(6);
  // It is so still.
  time.pass(seconds(2));
  expect(words().slice(6)).toEqual(['warn away']);
  time.pass(minutes(9));
  begin();
  expect(words()).toHaveLength(7);
  end();
  end();
  expect(words().slice(7)).toEqual(['info back']);
  begin();
  end();
  begin();
  episodes.close();
  time.pass(minutes(9));
  expect(words().slice(8)).toEqual(['warn away', 'info back']);
});
