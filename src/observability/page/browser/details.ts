/** All that is known of one secret, for who opened it. */
import type { SecretStatus } from '../status.ts';
import { html, setText } from './elements.ts';
import { sayDate, sayWhen } from './words.ts';

export const detailsOf = (status: SecretStatus): readonly HTMLElement[] => [
  html('p', { class: 'reasons' }, status.reasons.join('; ')),
  part('Failures', status.failures.map(failureOf)),
  part('Sinks', [
    table(
      ['sink', 'holds', 'in use until'],
      status.sinks.map(({ name, holds, isOwed, isUntold, endsAt }) => [
        name,
        `${holdsWords[holds]}${isUntold ? ', but its program was not told' : isOwed ? ', owed' : ''}`,
        endsAt === undefined ? (holds === 'nothing' ? '–' : 'never') : time(endsAt),
      ]),
    ),
  ]),
  part('Leases', status.leases.length === 0 ? [html('p', {}, 'none is held')] : [leasesOf(status)]),
  part('Last acts', status.acts.length === 0 ? [html('p', {}, 'none since the start')] : [actsOf(status)]),
];

const holdsWords: Readonly<Record<SecretStatus['sinks'][number]['holds'], string>> = {
  newest: 'the newest values',
  older: 'older values',
  ended: 'values that have ended',
  nothing: 'nothing yet',
};

function part(title: string, children: readonly HTMLElement[]): HTMLElement {
  const section = html('section', { class: 'part' }, html('h2', {}, title), ...children);
  section.hidden = children.length === 0;
  return section;
}

function failureOf({ doing, count, code, at, message, nextTryAt }: SecretStatus['failures'][number]): HTMLElement {
  const often = count > 1 ? `, ${count} times in a row, the last one ` : ' ';
  const next = nextTryAt === undefined ? [] : ['; next try ', time(nextTryAt)];
  return html('p', { class: 'failure' }, `${doing} failed${often}`, time(at), `: ${message ?? code}`, ...next);
}

function leasesOf({ leases }: SecretStatus): HTMLElement {
  return table(
    ['lease', 'is', 'since', 'ends', 'wall'],
    leases.map(({ id, role, since, endsAt, wallAt, graceEndsAt }) => [
      html('code', {}, id),
      graceEndsAt === undefined ? role : html('span', {}, `${role}, until `, time(graceEndsAt)),
      time(since),
      endsAt === undefined ? 'never' : time(endsAt),
      wallAt === undefined ? 'none' : time(wallAt),
    ]),
  );
}

function actsOf({ acts }: SecretStatus): HTMLElement {
  const items = acts.map(({ what, because, isOk, at, times, message }) => {
    const often = times > 1 ? `, ${times} times` : '';
    const words = isOk
      ? `${what}, because ${because}${often}`
      : `${what} failed: ${message ?? 'no reason given'}${often}`;
    return html('li', isOk ? {} : { class: 'failed' }, time(at), words);
  });
  return html('ol', { class: 'acts' }, ...items);
}

function table(heads: readonly string[], rows: readonly (readonly (Node | string)[])[]): HTMLElement {
  const head = html('tr', {}, ...heads.map((word) => html('th', { scope: 'col' }, word)));
  const body = rows.map((cells) => html('tr', {}, ...cells.map((cell) => html('td', {}, cell))));
  return html(
    'div',
    { class: 'scroll', tabindex: 0, role: 'group', 'aria-label': heads.join(', ') },
    html('table', {}, html('thead', {}, head), html('tbody', {}, ...body)),
  );
}

/** Filled in, and kept so, by `tickTimes`. */
const time = (at: number): HTMLElement =>
  html('time', { datetime: new Date(at).toISOString(), title: sayDate(at), 'data-at': at });

export function tickTimes(within: Element, now: number): void {
  for (const element of within.querySelectorAll('time')) setText(element, sayWhen(Number(element.dataset['at']), now));
}
