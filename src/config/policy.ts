/** The timing rules of the configuration: when to renew, when to rotate, how long the grace. */
import { z } from 'zod';
import type { Policy } from '../core/rules.ts';
import { minutes, seconds } from '../core/time.ts';
import { cron, nextFiring, timezone } from './cron.ts';
import { locate, nodeOf } from './locate.ts';
import { type Finding, finding } from './problem.ts';
import type { Mapping } from './tree.ts';
import { duration, share } from './values.ts';

/** Oftener than that it would look like an acquire loop. What comes oftener than the pace allows (core/pace.ts) is put off. */
const shortestRotation = seconds(10);

export const policy = z
  .strictObject({
    renewAt: share
      .refine((at) => at < 1, 'this leaves no time to renew: less than 100%')
      .optional()
      .describe('Share of a term after which it is renewed. Default: 67%'),
    renewBefore: duration.optional().describe('Instead of renewAt: how long before its end a term is renewed'),
    jitter: share
      .optional()
      .describe('Share of a term by which that comes forward, so that not everything is due at once. Default: 10%'),
    grace: duration.optional().describe('How long a superseded lease stays alive. Default: 5m'),
    rotate: z
      .strictObject({
        every: duration
          .refine((length) => length >= shortestRotation, 'too often: every 10s or more')
          .optional()
          .describe('A successor so long after each issue; more than four in five minutes are put off'),
        cron: cron.optional(),
        timezone: timezone.optional(),
      })
      .optional()
      .describe('Replace a lease although it is well'),
  })
  .describe('Timing rules');

export type PolicyOptions = z.output<typeof policy>;

/** Where nothing is configured. */
export const builtIn: Policy = { renewAt: 0.67, jitter: 0.1, grace: minutes(5) };

/** For providers' access tokens, which the `default` policy does not concern. */
export const builtInForTokens: Policy = { ...builtIn, grace: minutes(1) };

/** What is not written comes from `base`. */
export function policyOf(options: PolicyOptions, base: Policy): Policy {
  const { renewBefore, rotate } = options;
  const renewAt = options.renewAt ?? base.renewAt;
  const rotateAfter = rotate && rotation(rotate);
  return {
    ...base,
    renewAt,
    jitter: options.jitter ?? Math.min(base.jitter, renewAt / 2),
    grace: options.grace ?? base.grace,
    ...(renewBefore !== undefined && { renewBefore }),
    ...(rotateAfter && { rotateAfter }),
  };
}

function rotation({ every, cron, timezone }: NonNullable<PolicyOptions['rotate']>): Policy['rotateAfter'] {
  if (every !== undefined) return (issued) => issued + every;
  return cron === undefined ? undefined : nextFiring(cron, timezone ?? 'UTC');
}

/** Rules that are each right, but not together. */
export function contradictions(node: Mapping): readonly Finding[] {
  const found: Finding[] = [];
  const at = (path: string[], message: string, remedy: string) => {
    const spot = locate(node, path);
    found.push(finding(spot.at, spot.path, message, remedy));
  };
  if (nodeOf(node, 'renewAt') && nodeOf(node, 'renewBefore'))
    at(['renewBefore'], 'renewAt and renewBefore are two answers to one question', 'remove one of the two');
  const rotate = nodeOf(node, 'rotate');
  if (nodeOf(rotate, 'every') && nodeOf(rotate, 'cron'))
    at(['rotate', 'cron'], 'every and cron are two answers to one question', 'remove one of the two');
  if (rotate?.kind === 'mapping' && !nodeOf(rotate, 'every') && !nodeOf(rotate, 'cron'))
    at(['rotate'], 'nothing says when to rotate', 'write every: 24h, or cron: "0 3 * * *"');
  if (nodeOf(rotate, 'timezone') && !nodeOf(rotate, 'cron'))
    at(['rotate', 'timezone'], 'a time zone without a cron has no meaning', 'remove it');
  return found;
}

/** A lease would be renewed as soon as it is there. */
export function tooMuchJitter(options: PolicyOptions, node: Mapping): readonly Finding[] {
  const renewAt = options.renewAt ?? builtIn.renewAt;
  if (options.renewAt === 0) {
    const spot = locate(node, ['renewAt']);
    return [finding(spot.at, spot.path, 'a lease would be renewed for ever', 'write a share such as 67%')];
  }
  if (options.renewBefore !== undefined || options.jitter === undefined || options.jitter < renewAt) return [];
  const spot = locate(node, ['jitter']);
  return [finding(spot.at, spot.path, 'jitter has to be less than renewAt', `less than ${Math.round(renewAt * 100)}%`)];
}
