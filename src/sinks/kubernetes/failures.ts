/** What the refusals of the Kubernetes API mean, in our words: its own may quote what was sent. */
import { z } from 'zod';
import { LeaseError } from '../../core/failure.ts';
import type { Instant } from '../../core/time.ts';

/** What was asked for, as a Role would grant it. */
export interface Right {
  readonly verbs: readonly string[];
  readonly group: string;
  /** In the plural: `secrets`. */
  readonly resource: string;
  readonly name: string;
  readonly namespace: string;
}

export interface Refusal {
  readonly status: number;
  readonly json: unknown;
  /** `Retry-After`, on our clock. */
  readonly retryAt: Instant | undefined;
}

/** A `Status`: the only part of it that is believed are words of closed lists and names of fields. */
const statusShape = z.object({
  reason: z.string().optional(),
  details: z
    .object({
      kind: z.string().optional(),
      causes: z.array(z.object({ reason: z.string().optional(), field: z.string().optional() })).default([]),
    })
    .default({ causes: [] }),
});

const read = (json: unknown) => statusShape.safeParse(json).data ?? { details: { causes: [] } };

/** The API itself says so, and no load balancer or proxy on the way: those have pages, or JSON of their own. */
export const isNotFound = ({ status, json }: Refusal): boolean => status === 404 && kindOf(json) === 'Status';

/** What a deletion is answered with: what was deleted, or that it was. */
export const isDeleted = ({ status, json }: Refusal): boolean =>
  [200, 202].includes(status) && ['Status', 'Secret'].includes(kindOf(json) ?? '');

const kindOf = (json: unknown): string | undefined => z.object({ kind: z.string() }).safeParse(json).data?.kind;

/** The fields over which a server-side apply was refused. Empty: the conflict is one of versions. */
export const conflictsIn = (json: unknown): readonly string[] =>
  read(json).details.causes.flatMap(({ reason, field }) =>
    reason === 'FieldManagerConflict' && field !== undefined ? [field] : [],
  );

/** `patch on secrets "db" in the namespace shop`. */
export const inWords = ({ verbs, group, resource, name, namespace }: Right): string =>
  `${verbs.join(' and ')} on ${resource}${group === '' ? '' : `.${group}`} "${name}" in the namespace ${namespace}`;

/**
 * `unavailable` where somebody may mend it without us: we go on trying, so that it heals by itself. `isChange`: it
 * may have had an effect all the same.
 */
export function refused(refusal: Refusal, right: Right, isChange: boolean): LeaseError {
  const { status, json, retryAt } = refusal;
  const { namespace, resource, name } = right;
  const { reason, details } = read(json);
  const no = (words: string, options = {}) => new LeaseError('unavailable', words, options);
  const wrong = (words: string) => new LeaseError('invalid', words);
  const later = retryAt === undefined ? {} : { notBefore: retryAt };
  const word = `HTTP ${status}${reason !== undefined && plainWord.test(reason) ? ` ${reason}` : ''}`;
  const alien = () => no(`not an answer of the Kubernetes API: ${word}; is its address right?`, { unsure: isChange });
  switch (status) {
    case 401:
      return new LeaseError('denied', 'the Kubernetes API does not take our token or certificate');
    case 403:
      if (details.causes.some((cause) => cause.reason === 'NamespaceTerminating')) {
        return no(`the namespace ${namespace} is being deleted`);
      }
      return no(`forbidden: grant ${inWords(right)}; or a quota or an admission policy says no`);
    case 404:
      if (!isNotFound(refusal)) return alien();
      if (details.kind === 'namespaces') return no(`there is no namespace ${namespace}`);
      return no(`there is no ${resource} "${name}" in the namespace ${namespace}`);
    case 409:
      return no(`somebody else changes ${resource} "${name}" at the same time`);
    case 413:
      return wrong('the values are more than the Kubernetes API takes at a time');
    case 422:
      return wrong(`the Kubernetes API finds it invalid${whereIn(details.causes)}`);
    case 429:
      return no('the Kubernetes API asked to be left alone for a while', later);
  }
  if (status >= 500) return no(`the Kubernetes API failed: ${word}`, { ...later, unsure: isChange });
  if (status >= 400) return wrong(`the Kubernetes API does not understand us: ${word}`);
  return alien();
}

const plainWord = /^[A-Za-z]{1,40}$/;

/** `: data[tls.crt] (FieldValueRequired)`. */
function whereIn(causes: readonly { readonly reason?: string | undefined; readonly field?: string | undefined }[]) {
  const places = causes.slice(0, 5).flatMap(({ reason = '', field = '' }) => {
    if (!/^[A-Za-z0-9_.[\]/-]{1,300}$/.test(field)) return [];
    return [plainWord.test(reason) ? `${field} (${reason})` : field];
  });
  return places.length > 0 ? `: ${places.join(', ')}` : '';
}
