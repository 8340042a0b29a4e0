/** One secret of the list: what a person needs at once, and the rest when it is opened. */
import type { SecretStatus } from '../status.ts';
import type { Reach } from './axis.ts';
import { drawBar, tellBar } from './bar.ts';
import { detailsOf, tickTimes } from './details.ts';
import { html, setAttribute, setText, svg } from './elements.ts';
import { sayWhen } from './words.ts';

export interface Row {
  readonly element: HTMLLIElement;
  readonly status: SecretStatus;
  /** Something of it is another. */
  update(status: SecretStatus, now: number, reach: Reach): void;
  /** Time has gone on. */
  tick(now: number, reach: Reach): void;
}

/** Beside the word, for who does not see colours. */
const signs: Readonly<Record<SecretStatus['state'], string>> = {
  healthy: '●',
  pending: '◔',
  overdue: '▲',
  failing: '▲',
  blocked: '◼',
  rejected: '✖',
  frozen: '❄',
  expired: '✖',
};

let count = 0;

export function createRow(first: SecretStatus, now: number, reach: Reach): Row {
  const id = `secret-${++count}`;
  const sign = html('span', { class: 'sign', 'aria-hidden': 'true' });
  const state = html('span', { class: 'word' });
  const from = html('span', { class: 'from' });
  const renewal = html('span', { class: 'next' });
  const end = html('span', { class: 'end' });
  const bar = svg('svg', { class: 'bar', role: 'img', width: '100%', height: 40 });
  const name = html('span', { class: 'name' }, first.name);
  const title = html('span', { class: 'title' }, name, html('span', { class: 'state' }, sign, state), from);
  const dates = html('span', { class: 'dates' }, renewal, end);
  const summary = html('button', { type: 'button', 'aria-expanded': 'false', 'aria-controls': id }, title, bar, dates);
  const reason = html('p', { class: 'reason' });
  const details = html('div', { id, class: 'details', hidden: true });
  const element = html('li', { class: 'secret' }, summary, reason, details);
  let status = first;
  let seenAt = now;

  const tick = (at: number, within: Reach) => {
    seenAt = at;
    drawBar(bar, status, at, within);
    setAttribute(bar, 'aria-label', tellBar(status, at));
    setText(renewal, nextOf(status, at));
    setText(end, endOf(status, at));
    if (!details.hidden) tickTimes(details, at);
  };
  const update = (next: SecretStatus, at: number, within: Reach) => {
    status = next;
    setAttribute(element, 'data-state', status.state);
    setText(sign, signs[status.state]);
    setText(state, status.state);
    setText(from, fromOf(status));
    const words = reasonOf(status);
    setText(reason, words);
    reason.hidden = words === '';
    if (!details.hidden) details.replaceChildren(...detailsOf(status));
    tick(at, within);
  };
  summary.addEventListener('click', () => {
    details.hidden = !details.hidden;
    setAttribute(summary, 'aria-expanded', String(!details.hidden));
    if (details.hidden) return;
    details.replaceChildren(...detailsOf(status));
    tickTimes(details, seenAt);
  });
  update(first, now, reach);
  return {
    element,
    get status() {
      return status;
    },
    update,
    tick,
  };
}

const fromOf = ({ source, provider, isToken, isRequired }: SecretStatus): string =>
  isToken ? `access token, ${source}` : `${source} · ${provider}${isRequired ? '' : ' · not required'}`;

function nextOf({ renewsAt, state }: SecretStatus, now: number): string {
  if (renewsAt === undefined) return 'nothing planned';
  return renewsAt > now
    ? `next ${sayWhen(renewsAt, now)}`
    : `${state === 'healthy' ? 'due' : 'was due'} ${sayWhen(renewsAt, now)}`;
}

function endOf({ expiresAt, sinks }: SecretStatus, now: number): string {
  if (expiresAt !== undefined) return `${expiresAt > now ? 'ends' : 'ended'} ${sayWhen(expiresAt, now)}`;
  return sinks.every(({ holds }) => holds === 'nothing') ? 'not delivered' : 'no end';
}

/** Nothing where all is well: what is always there is not read. */
function reasonOf({ state, reasons, failures }: SecretStatus): string {
  if (state === 'healthy' && failures.length === 0) return '';
  const [worst] = [...failures].sort((a, b) => b.at - a.at);
  const failed =
    worst && `${worst.doing} failed${worst.count > 1 ? ` ${worst.count} times` : ''}: ${worst.message ?? worst.code}`;
  return [...reasons, ...(failed ? [failed] : [])].join('; ');
}
