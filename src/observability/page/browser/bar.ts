/** The life of one secret as a bar on the common axis. */
import type { LeaseStatus, SecretStatus } from '../status.ts';
import { nowAt, place, type Reach } from './axis.ts';
import { svg } from './elements.ts';
import { sayWhen } from './words.ts';

const percent = (share: number): string => `${(share * 100).toFixed(2)}%`;

/** Distances from now of all that is to be seen of it. */
export function distancesOf(secret: SecretStatus, now: number): readonly number[] {
  const dates = [
    secret.renewsAt,
    secret.destroyAt,
    ...secret.leases.flatMap((lease) => [lease.termStart, lease.endsAt, lease.wallAt, lease.graceEndsAt]),
  ];
  return dates.flatMap((at) => (at === undefined ? [] : [at - now]));
}

export function drawBar(into: SVGSVGElement, secret: SecretStatus, now: number, reach: Reach): void {
  const at = (date: number | undefined): number => (date === undefined ? 1 : place(date - now, reach));
  const span = (className: string, from: number, to: number, y: number, height: number) =>
    to > from
      ? [
          svg('rect', {
            class: className,
            x: percent(from),
            width: percent(to - from),
            y,
            height,
            rx: height > 5 ? 3 : 0,
          }),
        ]
      : [];
  const main = mainOf(secret);
  const parts: SVGElement[] = [];
  for (const [lane, lease] of secret.leases
    .filter(({ role }) => isBehind(role))
    .slice(0, 3)
    .entries()) {
    const end = Math.min(lease.graceEndsAt ?? Number.POSITIVE_INFINITY, lease.endsAt ?? Number.POSITIVE_INFINITY);
    const to = Number.isFinite(end) ? at(end) : 1;
    parts.push(...span('grace', at(lease.termStart), to, 24 + lane * 5, 4));
  }
  if (main) {
    const [from, to] = [at(main.termStart), at(main.endsAt)];
    if (main.wallAt !== undefined) {
      parts.push(...span('reach', to, at(main.wallAt), 11, 4));
      parts.push(svg('rect', { class: 'wall', x: percent(at(main.wallAt)), width: 2, y: 6, height: 14 }));
    }
    parts.push(...span(main.endsAt === undefined ? 'term endless' : 'term', from, to, 7, 12));
    parts.push(...span('elapsed', from, Math.min(to, nowAt), 7, 12));
  }
  if (secret.renewsAt !== undefined) {
    const mark = svg('path', { class: 'renewal', d: 'M0 7 L6 13 L0 19 L-6 13 Z' });
    parts.push(svg('svg', { x: percent(at(secret.renewsAt)), overflow: 'visible' }, mark));
  }
  if (secret.destroyAt !== undefined) {
    const mark = svg('path', { class: 'destroy', d: 'M-6 7 L6 19 M6 7 L-6 19' });
    parts.push(svg('svg', { x: percent(at(secret.destroyAt)), overflow: 'visible' }, mark));
  }
  into.replaceChildren(...parts);
}

const isBehind = (role: LeaseStatus['role']): boolean => role === 'in grace' || role === 'left behind';

const mainOf = ({ leases }: SecretStatus): LeaseStatus | undefined => leases.find(({ role }) => !isBehind(role));

/** The same for those who hear the page. */
export function tellBar(secret: SecretStatus, now: number): string {
  const main = mainOf(secret);
  if (!main) return 'nothing is held';
  const behind = secret.leases.filter(({ role }) => isBehind(role)).length;
  return [
    `term began ${sayWhen(main.termStart, now)}`,
    main.endsAt === undefined ? 'it has no end' : `it ends ${sayWhen(main.endsAt, now)}`,
    ...(secret.renewsAt === undefined ? [] : [`next renewal ${sayWhen(secret.renewsAt, now)}`]),
    ...(main.wallAt === undefined ? [] : [`wall ${sayWhen(main.wallAt, now)}`]),
    ...(secret.destroyAt === undefined ? [] : [`destroyed ${sayWhen(secret.destroyAt, now)}`]),
    ...(behind > 0 ? [`${behind} ${behind === 1 ? 'predecessor' : 'predecessors'} in grace`] : []),
  ].join(', ');
}
