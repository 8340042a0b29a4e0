/** The status page: its files, the status as JSON, and what changes as server-sent events. No value is ever shown. */
import { isIP } from 'node:net';
import type { timer } from '../../clock.ts';
import { type Clock, type Duration, type Instant, seconds } from '../../core/time.ts';
import type { KeeperEvent, Subject } from '../../keeper/events.ts';
import { type Answer, type Asker, json, type Route, type Stream, text } from '../http.ts';
import { doorOf } from '../latest.ts';
import type { Assets } from './assets.ts';
import { createStatuses, type SecretStatus } from './status.ts';

/** What is told of the daemon itself. */
export interface DaemonStatus {
  readonly version: string;
  readonly host: string;
  readonly pid: number;
  /** On this machine's wall clock, in milliseconds. */
  readonly startedAt: Instant;
  readonly isReady: boolean;
  readonly isRedisUp: boolean;
}

/** The answer of `/api/status`, and the first event of `/api/events`. */
export interface PageStatus {
  /** This machine's wall clock, on which all dates are. */
  readonly now: Instant;
  readonly daemon: DaemonStatus;
  readonly secrets: readonly SecretStatus[];
}

/** What came after it, sent as the event `change`. */
export interface PageChange {
  readonly now: Instant;
  readonly daemon: DaemonStatus;
  /** Those that are not as they were. */
  readonly secrets: readonly SecretStatus[];
  readonly gone: readonly string[];
}

export interface Page {
  listen(event: KeeperEvent): void;
  watch(subject: Subject): void;
  forget(secret: string): void;
  readonly route: Route;
}

export interface PageOptions {
  /** The steady one. */
  readonly clock: Clock;
  readonly wall: Clock;
  readonly timer: typeof timer;
  readonly daemon: () => DaemonStatus;
  readonly assets: Assets | undefined;
  /** Where it listens: on loopback only who speaks to loopback by that name is answered. */
  readonly host: string;
}

/** What happens within this is told at once. */
const gathering: Duration = 200;
/** What only time changes is looked at so often, while somebody is watching; and proxies see that the stream lives. */
const beat: Duration = seconds(5);

export function createPage({ clock, wall, timer, daemon, assets, host }: PageOptions): Page {
  const statuses = createStatuses({ clock, wall });
  const subjects = new Map<string, Subject>();
  const watchers = new Set<Watcher>();
  const dirty = new Set<string>();
  let isGathering = false;
  let stopBeating: (() => void) | undefined;

  const present = (): readonly SecretStatus[] => statuses.names().flatMap((name) => statuses.get(name) ?? []);

  const touch = (...names: readonly string[]) => {
    if (watchers.size === 0) return;
    for (const name of names) dirty.add(name);
    if (isGathering) return;
    isGathering = true;
    timer(gathering, () => {
      isGathering = false;
      tell([...dirty]);
      dirty.clear();
    });
  };

  /** Each watcher is told what is not as it was told last. */
  const tell = (names: readonly string[]) => {
    const base = { now: wall.now(), daemon: daemon() };
    const found = new Map(names.map((name) => [name, statuses.get(name)]));
    for (const watcher of [...watchers]) {
      const changed: SecretStatus[] = [];
      const gone: string[] = [];
      for (const [name, status] of found) {
        if (!status) {
          if (watcher.known.delete(name)) gone.push(name);
        } else if (isNews(watcher.known, status)) changed.push(status);
      }
      const change: PageChange = { ...base, secrets: changed, gone };
      if (!watcher.write(event('change', change))) watchers.delete(watcher);
    }
  };

  const keepBeating = () => {
    stopBeating = timer(beat, () => {
      tell(statuses.names());
      if (watchers.size > 0) keepBeating();
      else stopBeating = undefined;
    });
  };

  const stream: Stream['stream'] = (write) => {
    const secrets = present();
    const known = new Map<string, string>();
    for (const status of secrets) isNews(known, status);
    const watcher: Watcher = { write, known };
    const status: PageStatus = { now: wall.now(), daemon: daemon(), secrets };
    // A browser that loses us comes back after so long.
    if (write(`retry: 2000\n${event('status', status)}`)) watchers.add(watcher);
    if (!stopBeating) keepBeating();
    return () => {
      watchers.delete(watcher);
      if (watchers.size > 0) return;
      stopBeating?.();
      stopBeating = undefined;
    };
  };

  const files = assets && filesOf(assets);
  return {
    listen(event) {
      statuses.listen(event);
      if (event.type === 'blocked') {
        touch(...[...subjects.values()].filter((one) => doorOf(one) === event.provider).map(({ name }) => name));
      } else touch(event.secret);
    },
    watch(subject) {
      subjects.set(subject.name, subject);
      statuses.watch(subject);
      touch(subject.name);
    },
    forget(secret) {
      subjects.delete(secret);
      statuses.forget(secret);
      touch(secret);
    },
    route(path, asker) {
      if (!mayAsk(host, asker)) return text(421, 'ask for it by the address that it listens on');
      if (path === '/api/status') return json(200, { now: wall.now(), daemon: daemon(), secrets: present() });
      if (path === '/api/events') return { stream };
      return files?.get(path);
    },
  };
}

interface Watcher {
  readonly write: (text: string) => boolean;
  /** By secret, what it was told last. */
  readonly known: Map<string, string>;
}

function isNews(known: Map<string, string>, status: SecretStatus): boolean {
  const now = JSON.stringify(status, roughly);
  if (known.get(status.name) === now) return false;
  known.set(status.name, now);
  return true;
}

/** What is learnt of a provider's clock moves dates by a little all the time: that is no news. */
const roughly = (_: string, value: unknown): unknown =>
  typeof value === 'number' && value > 1e9 ? Math.round(value / 2000) : value;

const event = (name: string, data: unknown): string => `event: ${name}\ndata: ${JSON.stringify(data)}\n\n`;

/** A page of somebody else's may make a browser believe that its own name is ours: no such name is answered. */
function mayAsk(listen: string, { host }: Asker): boolean {
  if (!isLocal(listen)) return true;
  const name = host.replace(/:\d+$/, '').replace(/^\[(.*)\]$/, '$1');
  return isLocal(name.toLowerCase());
}

const isLocal = (host: string): boolean =>
  host === 'localhost' || host === '::1' || (isIP(host) === 4 && host.startsWith('127.'));

/** Nothing from elsewhere, nothing inline, and nobody may put it into a frame. */
const policy =
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; " +
  "base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

function filesOf({ markup, style, script, icon }: Assets): ReadonlyMap<string, Answer> {
  const headers = {
    'content-security-policy': policy,
    'referrer-policy': 'no-referrer',
    'cross-origin-opener-policy': 'same-origin',
    'cross-origin-resource-policy': 'same-origin',
  };
  const file = (type: string, body: string): Answer => ({ status: 200, type: `${type}; charset=utf-8`, body, headers });
  return new Map([
    ['/', file('text/html', markup)],
    ['/page.css', file('text/css', style)],
    ['/page.js', file('text/javascript', script)],
    ['/icon.svg', file('image/svg+xml', icon)],
  ]);
}
