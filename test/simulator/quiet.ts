/** Worlds for stories: one provider and one secret, and nothing that goes wrong but what the story says. */
import type { Policy } from '../../src/core/rules.ts';
import { type Duration, minutes } from '../../src/core/time.ts';
import { calmFolder, generated } from './folder-nature.ts';
import { aFolder, type Nature, plain } from './nature.ts';
import { type Plan, quiet, type SecretPlan } from './plan.ts';
import { calmVersions } from './versions-nature.ts';

export { quiet as quietPlan } from './plan.ts';

export const policy: Policy = { renewAt: 2 / 3, jitter: 0.1, grace: minutes(5) };

/** An Infisical token as of 2025: a renewal past the wall kills it. */
export const aToken = (ttl: number, maxTerms: number): Nature => ({
  ...plain,
  kind: 'token',
  ttl,
  maxTerms,
  renewal: { from: 'now', canShorten: false, pastTheWall: 'killed', changesValues: true },
});

export const aDynamic = (ttl: number, maxTerms: number): Nature => ({
  ...plain,
  kind: 'dynamic',
  ttl,
  maxTerms,
  renewal: { from: 'expiry', canShorten: true, pastTheWall: 'refused', changesValues: false },
  canObserve: true,
  canSearch: true,
  observeEvery: ttl / 2,
});

export const aVersion = (kind: 'followed' | 'rotated'): Nature => ({
  ...plain,
  kind,
  canObserve: true,
  observeEvery: minutes(10),
  versions: { ...calmVersions, ...(kind === 'rotated' && { generate: 'lockbox' as const }) },
});

export const aStatic = (kind: 'static' | 'generated', poll: Duration = minutes(10)): Nature =>
  aFolder(kind, { ...calmFolder, poll, ...(kind === 'generated' && { generate: generated }) });

export const aSecret = (nature: Nature, change: Partial<SecretPlan> = {}): SecretPlan => ({
  name: 's',
  nature,
  policy,
  sinks: [['by the sink'], ['by the sink']],
  isVerified: false,
  isExclusive: true,
  ...change,
});

export const aStory = (secret: SecretPlan, change: Partial<Plan> & Pick<Plan, 'trouble'>): Plan => ({
  ...quiet,
  houses: [{ name: 'A', secrets: [secret] }],
  ...change,
});
