/** The status page at work: listens to the daemon, keeps a row for each secret, and does what the reader asks. */
import type { DaemonStatus } from '../page.ts';
import type { SecretStatus } from '../status.ts';
import { type Reach, reachFor, ticksOf } from './axis.ts';
import { distancesOf } from './bar.ts';
import { byId, html, setAttribute, setText, svg } from './elements.ts';
import { listenTo } from './feed.ts';
import { compare, matches, type Order, states } from './order.ts';
import { createRow, type Row } from './row.ts';
import { createSettling } from './settling.ts';
import { sayLength } from './words.ts';

const rows = new Map<string, Row>();
/** As the daemon told them. */
const told = new Map<string, SecretStatus>();
const settling = createSettling();
/** Those that are on the screen: the others need not know what time it is. */
const seen = new Set<Element>();
const chosen = new Set<SecretStatus['state']>();
let daemon: DaemonStatus | undefined;
/** From this browser's clock to the daemon's. */
let shift = 0;
let reach: Reach = reachFor([]);
let isAlive = false;
/** When the daemon was last heard of, on this browser's clock. */
let heardAt: number | undefined;

const list = byId('secrets');
const search = byId<HTMLInputElement>('search');
const sort = byId<HTMLSelectElement>('sort');
const axis = byId<SVGSVGElement>('axis');
const feed = byId('feed');

const now = (): number => Date.now() + shift;

const onScreen = new IntersectionObserver(
  (entries) => {
    for (const { target, isIntersecting } of entries) {
      if (isIntersecting) seen.add(target);
      else seen.delete(target);
    }
    tick();
  },
  { rootMargin: '200px' },
);

function put(latest: SecretStatus): void {
  told.set(latest.name, latest);
  const status = settling.shown(latest, now());
  const known = rows.get(status.name);
  if (known) {
    known.update(status, now(), reach);
    return;
  }
  const row = createRow(status, now(), reach);
  rows.set(status.name, row);
  onScreen.observe(row.element);
}

function drop(name: string): void {
  const row = rows.get(name);
  if (!row) return;
  onScreen.unobserve(row.element);
  seen.delete(row.element);
  row.element.remove();
  rows.delete(name);
  told.delete(name);
  settling.forget(name);
}

/** Which rows are shown, in which order. Those that stay in their place are not touched: the focus is in one of them. */
function arrange(): void {
  const order = sort.value as Order;
  const wanted = [...rows.values()]
    .filter(({ status }) => (chosen.size === 0 || chosen.has(status.state)) && matches(status, search.value))
    .sort((a, b) => compare(order, a.status, b.status))
    .map(({ element }) => element);
  const kept = new Set<Element>(wanted);
  for (const element of [...list.children]) if (!kept.has(element)) element.remove();
  wanted.forEach((element, index) => {
    const present = list.children[index];
    if (present !== element) list.insertBefore(element, present ?? null);
  });
  const empty = byId('empty');
  empty.hidden = wanted.length > 0 || !daemon;
  setText(empty, rows.size === 0 ? 'The configuration names no secret.' : 'No secret is like that.');
}

/** Only what it said last is known, and that was true then. */
const sinceWhen = (): string => new Date(heardAt ?? Date.now()).toLocaleTimeString();

function summarize(): void {
  const counts = states.map((state) => ({
    state,
    count: [...rows.values()].filter(({ status }) => status.state === state).length,
  }));
  const ill = counts.filter(({ state, count }) => state !== 'healthy' && count > 0);
  const all = `${rows.size} ${rows.size === 1 ? 'secret' : 'secrets'}`;
  const words = ill.map(({ state, count }) => `${count} ${state}`).join(', ');
  const isStale = daemon !== undefined && !isAlive;
  const well = rows.size === 0 ? '' : `All is well: ${all}.`;
  const stale = `The daemon is not heard of since ${sinceWhen()}. What it said then:`;
  setText(byId('summary'), isStale ? stale : ill.length === 0 ? well : `${words}, of ${all}.`);
  setAttribute(document.documentElement, 'data-worst', isStale ? 'stale' : (ill[0]?.state ?? 'healthy'));
  document.title = isStale ? '(stale) leasekeeper' : ill.length === 0 ? 'leasekeeper' : `(${words}) leasekeeper`;
  filters(counts.filter(({ count, state }) => count > 0 || chosen.has(state)));
  if (!daemon) return;
  const { version, host, pid, startedAt, isReady, isRedisUp } = daemon;
  setText(byId('daemon'), `${version} on ${host}, pid ${pid}, up ${sayLength(now() - startedAt)}`);
  const alarms = [
    ...(isReady ? [] : ['Not ready: not every required secret is in its local sinks, or one there has ended.']),
    ...(isRedisUp ? [] : ['Redis does not answer: everything is kept from memory until it does.']),
  ];
  const shown = byId('alarms');
  if ([...shown.children].map(({ textContent }) => textContent).join() !== alarms.join()) {
    shown.replaceChildren(...alarms.map((text) => html('li', {}, text)));
  }
}

function filters(counts: readonly { readonly state: SecretStatus['state']; readonly count: number }[]): void {
  const group = byId('filters');
  for (const { state, count } of counts) {
    let button = group.querySelector<HTMLButtonElement>(`[data-state="${state}"]`);
    if (!button) {
      button = html('button', { type: 'button', 'data-state': state, 'aria-pressed': 'false' });
      button.addEventListener('click', () => {
        if (!chosen.delete(state)) chosen.add(state);
        refresh();
      });
      const after = states.slice(states.indexOf(state) + 1).map((other) => `[data-state="${other}"]`);
      group.insertBefore(button, after.length > 0 ? group.querySelector(after.join()) : null);
    }
    setText(button, `${state} ${count}`);
    setAttribute(button, 'aria-pressed', String(chosen.has(state)));
  }
  const present = counts.map(({ state }): string => state);
  for (const button of group.querySelectorAll('button')) {
    if (!present.includes(button.dataset['state'] ?? '')) button.remove();
  }
}

function scale(): void {
  const at = now();
  reach = reachFor([...rows.values()].flatMap(({ status }) => distancesOf(status, at)));
  const room = 62 / Math.max(200, axis.clientWidth || 600);
  const ticks = ticksOf(reach, room).map((mark) => {
    const text = svg('text', { x: `${mark.at * 100}%`, y: 15, 'text-anchor': 'middle' }, mark.label);
    return mark.label === 'now' ? svg('g', { class: 'now' }, text) : text;
  });
  axis.replaceChildren(...ticks);
}

function tick(): void {
  const at = now();
  if (settling.isDue(at)) {
    for (const status of told.values()) put(status);
    arrange();
    summarize();
  }
  for (const row of rows.values()) if (seen.has(row.element)) row.tick(at, reach);
}

function refresh(): void {
  scale();
  arrange();
  summarize();
  tick();
}

function live(alive: boolean): void {
  if (alive) heardAt = Date.now();
  if (alive === isAlive && feed.dataset['alive'] !== undefined) return;
  isAlive = alive;
  feed.dataset['alive'] = String(alive);
  setText(feed, alive ? 'live' : `no word from the daemon since ${sinceWhen()}; trying again`);
  summarize();
}

listenTo('api/events', {
  onStatus({ now: theirs, daemon: present, secrets }) {
    shift = theirs - Date.now();
    daemon = present;
    const names = new Set(secrets.map(({ name }) => name));
    for (const name of [...rows.keys()]) if (!names.has(name)) drop(name);
    secrets.forEach(put);
    refresh();
  },
  onChange({ now: theirs, daemon: present, secrets, gone }) {
    shift = theirs - Date.now();
    daemon = present;
    gone.forEach(drop);
    secrets.forEach(put);
    if (secrets.length > 0 || gone.length > 0) refresh();
    else summarize();
  },
  onLife: live,
});

search.addEventListener('input', arrange);
sort.addEventListener('change', arrange);
document.addEventListener('keydown', (event) => {
  if (event.key === '/' && document.activeElement !== search) {
    event.preventDefault();
    search.focus();
  }
  if (event.key === 'Escape' && document.activeElement === search) {
    search.value = '';
    arrange();
  }
});
addEventListener('resize', refresh);
setInterval(tick, 1_000);
