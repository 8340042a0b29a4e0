/** `yandex/iam-token`: a token of a service account, which cannot be renewed but had again. Contract 6. */
import type { Lease } from '../../core/lease.ts';
import { Material } from '../../core/material.ts';
import { type Instant, seconds, tolerance } from '../../core/time.ts';
import type { Source } from '../source.ts';
import type { TokenMethod } from './token-methods.ts';

/** `mark`: a keyed fingerprint. The value is under the key `token`. */
export function iamTokenSource(method: TokenMethod, mark: (text: string) => string): Source {
  const { clock, uncertainty, knowsTime } = method;
  const idOf = (token: string): string => mark(token).slice(0, 32);
  const common: Source = {
    clock,
    uncertainty,
    knowsTime,
    // One that cannot be read is rejected as well, and another once it can.
    credential: async () => mark(await method.proof().catch(() => '')),

    async acquire({ signal, predecessor }) {
      const { token, sentAt, expiresAt } = await method.issue(signal);
      const id = idOf(token);
      const isKnown = predecessor?.id === id;
      const lease: Lease = {
        id,
        issuedAt: isKnown ? predecessor.issuedAt : sentAt,
        ...(expiresAt !== undefined && { expiresAt: isKnown ? sameEnd(predecessor, expiresAt) : expiresAt }),
        repeats: true,
        ...(method.isGiven && { followed: true }),
      };
      return { lease, material: new Material({ token }) };
    },
  };
  if (!method.isGiven) return common;
  return {
    ...common,
    // A file of this machine: asking costs nothing.
    observeEvery: () => seconds(10),
    async observe(lease) {
      // One that is not there just now is about to be replaced, or was taken away: ours stays what it is.
      const present = await method.proof().catch(() => undefined);
      return { is: present === undefined || idOf(present) === lease.id ? 'held' : 'outdated', lease };
    },
  };
}

/** Told in seconds from two requests, one end differs by as long as they took: it has not moved. */
const sameEnd = ({ expiresAt: before }: Lease, now: Instant): Instant =>
  before !== undefined && now > before && now - before < tolerance ? before : now;
