/** Which act, for which reason, a world is to meet with which fault; and what has to be provoked so that it comes to that. */
import { type Duration, type Instant, minutes } from '../../src/core/time.ts';
import type { Doing, Focus } from './chaos.ts';
import type { Kind } from './nature.ts';
import type { Fault } from './troubles.ts';
import { wantedWoes } from './woes.ts';

/** Something that somebody does to the first secret of the world. */
export interface Provocation {
  readonly at: Instant;
  readonly what: 'crash' | 'wipe' | 'version' | 'end' | 'refuse' | 'rotate' | 'renew' | 'revoke' | 'spill' | 'nothing';
  /** An outage of such requests from then on. */
  readonly outage?: { readonly of: 'provider' | 'renew' | 'acquire'; readonly for: Duration };
}

interface Scene {
  readonly doing: Doing;
  /** Absent: any. */
  readonly kinds?: readonly Kind[];
  readonly faults: readonly Fault[];
  readonly provoke?: readonly Provocation['what'][];
  readonly outage?: 'provider' | 'renew' | 'acquire';
}

const ofSources: readonly Fault[] = ['refuses', 'hangs', 'cuts', 'limits', 'crawls', 'killed', 'forgotten', 'unheard'];
const ofSinks: readonly Fault[] = ['refuses', 'hangs', 'cuts', 'crawls', 'killed', 'forgotten', 'unheard'];

const leased: readonly Kind[] = ['token', 'dynamic'];
const versions: readonly Kind[] = ['followed', 'rotated', 'static', 'generated'];

/** Everything that can be decided. */
export const scenes: readonly Scene[] = [
  { doing: 'acquire NothingHeld', faults: ofSources },
  { doing: 'acquire Expired', kinds: ['token', 'dynamic', 'iam'], faults: ofSources, outage: 'provider' },
  { doing: 'acquire Refused', kinds: leased, faults: ofSources, provoke: ['refuse'] },
  {
    doing: 'acquire Requested',
    kinds: ['token', 'dynamic', 'rotated', 'generated'],
    faults: ofSources,
    provoke: ['rotate'],
  },
  { doing: 'acquire Outdated', kinds: versions, faults: ofSources, provoke: ['version'] },
  { doing: 'acquire RotationDue', kinds: ['rotated', 'dynamic', 'token', 'generated'], faults: ofSources },
  { doing: 'acquire EndOfLife', kinds: ['token', 'dynamic', 'iam'], faults: ofSources },
  { doing: 'acquire RenewalFailing', kinds: leased, faults: ofSources, outage: 'renew' },
  { doing: 'acquire ValuesLost', kinds: ['dynamic', 'token'], faults: ofSources, provoke: ['wipe', 'spill', 'crash'] },
  { doing: 'observe InDoubt', kinds: ['dynamic', ...versions], faults: ofSources, provoke: ['crash'] },
  { doing: 'observe PollDue', kinds: ['dynamic', ...versions], faults: ofSources },
  { doing: 'renew RenewalDue', kinds: leased, faults: ofSources },
  { doing: 'renew Requested', kinds: leased, faults: ofSources, provoke: ['renew'] },
  { doing: 'read ValuesNeeded', kinds: versions, faults: ofSources, provoke: ['wipe', 'spill', 'crash'] },
  { doing: 'verify Unproven', faults: ofSinks },
  { doing: 'retire GraceOver', kinds: ['dynamic', 'rotated'], faults: ofSources },
  { doing: 'retire Requested', kinds: ['dynamic', 'rotated'], faults: ofSources, provoke: ['revoke'] },
  { doing: 'search LeaseMayBeLost', kinds: ['dynamic'], faults: ofSources, outage: 'acquire' },
  { doing: 'try Untried', faults: ofSinks },
  { doing: 'check Unseen', faults: ofSinks, provoke: ['crash'] },
  { doing: 'write Undelivered', faults: ofSinks },
  { doing: 'reload Unacknowledged', faults: ofSinks },
  { doing: 'reload everything', faults: ofSinks },
];

const pairs = scenes.flatMap((scene) => scene.faults.map((fault) => ({ scene, fault })));

/** What has to have been counted after enough worlds. */
export const wanted: readonly string[] = [...pairs.map(({ scene, fault }) => `${scene.doing} ${fault}`), ...wantedWoes];

export function focusOf(seed: number): Focus & { readonly kinds: readonly Kind[] } {
  const pair = pairs[seed % pairs.length];
  if (!pair) throw new Error('there is always one');
  return { doing: pair.scene.doing, fault: pair.fault, kinds: pair.scene.kinds ?? [] };
}

/** Some times in the time of trouble, where it does not come by itself. */
export function provocationsOf(doing: Doing, trouble: Duration, term: Duration): readonly Provocation[] {
  const scene = scenes.find((each) => each.doing === doing);
  if (!scene) return [];
  // Between two outages there has to be time for what comes after them.
  const shares = scene.outage ? [0.05, 0.5] : [0.2, 0.4, 0.6, 0.8];
  const times = shares.map((share) => Math.floor(trouble * share));
  return times.flatMap((at): Provocation[] => {
    const { outage } = scene;
    if (outage === 'acquire')
      return [{ at, what: 'end', outage: { of: outage, for: Math.max(minutes(2), term * 0.7) } }];
    // A renewal without an answer may have had its effect: that is a term more to get through.
    if (outage) return [{ at, what: 'nothing', outage: { of: outage, for: term * (outage === 'renew' ? 1.8 : 1.4) } }];
    return (scene.provoke ?? []).map((what, i) => ({ at: at + i * 50, what }));
  });
}
