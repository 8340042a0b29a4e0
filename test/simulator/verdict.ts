/** What is still wrong when all trouble is over and there was time enough to heal; and what was done to the provider. */
import { type Instant, minutes, seconds } from '../../src/core/time.ts';
import type { Kept } from './excuses.ts';
import { patienceOf, storeOf, wantedOf } from './had.ts';
import { type Issued, idOf } from './issued.ts';
import type { Judge } from './judge.ts';
import { isReplaceable } from './version-judge.ts';

/** Everybody holds and uses one living value, the present one; and nothing that nobody holds is left at the provider. */
export function unhealed(judge: Judge, now: Instant, orphaned: ReadonlyMap<string, number>): string[] {
  const { kept } = judge;
  return kept.flatMap((one) => [
    ...unserved(one, judge, now),
    ...left(one, judge, now, orphaned.get(one.name) ?? 0),
    ...lifted(one, judge),
  ]);
}

/** Somebody wanted the end of a version, and we lifted that only to build upon it: then it is set again, or replaced. */
const lifted = ({ lockbox }: Kept, { excuses }: Judge): string[] =>
  (lockbox?.versions.unrestored(excuses.kills) ?? []).map(
    ({ id }) => `promise 8: the end of ${id} was lifted, and never set again`,
  );

function unserved(kept: Kept, judge: Judge, now: Instant): string[] {
  const { issuer, places } = kept;
  const wanted = wantedOf(kept);
  // What is to be had since a moment ago, by our own making, may still be on its way.
  const isDue = now - (storeOf(kept)?.wantedSince ?? 0) >= patienceOf(kept);
  const wrong: string[] = [];
  const canBeReplaced = isReplaceable(kept);
  // What was wiped cannot be written again where nobody can read it.
  const written = places.filter(({ content }) => canBeReplaced || content !== undefined);
  const held = new Set(written.map(({ content }) => content));
  if (held.size > 1) wrong.push(`promise 8: the sinks hold ${[...held].join(' and ')}`);
  for (const { path, content = '', isHeard, programs } of written) {
    if (canBeReplaced && !issuer.accepts(content) && !judge.isHidden(kept, content))
      wrong.push(`promise 8: ${path} holds ${content || 'nothing'}, which is dead`);
    if (wanted && isDue && idOf(content) !== wanted.id) {
      wrong.push(`promise 8: ${path} holds ${content}, not ${wanted.id}, which is to be had`);
    }
    // Nobody heard that it came to be there; and what is dead is not put there once more.
    const isOver = !canBeReplaced && !issuer.accepts(content) && !isHeard;
    for (const { told, loaded } of programs) {
      if (!isOver && loaded !== content) wrong.push(`promise 8: the program of ${path}, told ${told}, uses ${loaded}`);
    }
  }
  return wrong;
}

/** Leases of ours that nobody uses: they are ended, or they were lost without a trace, and then counted. */
function left(
  { name, issuer, places, policy, isExclusive, folder }: Kept,
  { letGo, forgotten, excuses }: Judge,
  now: Instant,
  counted: number,
): string[] {
  const { canSearch, kind } = issuer.nature;
  if (kind === 'followed' || kind === 'iam' || folder) return [];
  const used = new Set(
    places.flatMap(({ content, programs }) => [content, ...programs.map(({ loaded }) => loaded)]).map(idOf),
  );
  const settled = policy.grace + minutes(16);
  const unused = [...issuer.leases.values()].filter(
    (issued) =>
      issued.key !== 'others' &&
      !forgotten.has(issued.id) &&
      issuer.isLeft(issued) &&
      !used.has(issued.id) &&
      now - Math.max(issued.issuedAt, letGo.get(issued.id) ?? 0) > settled,
  );
  const say = (what: string, those: readonly Issued[]) =>
    those.length > 0 ? [`promise 4: ${name} ${what} ${those.map(({ id }) => id).join(', ')}`] : [];
  const kept = unused.filter(({ isOurs }) => isOurs);
  const lost = unused.filter(({ isOurs }) => !isOurs);
  const wrong = kind === 'token' ? [] : say('never ended', kept);
  if (!canSearch) return wrong;
  if (isExclusive) return [...wrong, ...say('never found', lost)];
  const uncounted = lost.filter(({ id }) => !issuer.found.has(id));
  // Killed before it could tell of what it had found and saved, a process took that with it.
  const isUntold = (at: Instant | undefined) =>
    at !== undefined && excuses.kills.some((kill) => kill >= at && kill < at + seconds(30));
  const told = lost.filter(({ id }) => !isUntold(issuer.found.get(id)));
  if (told.length > counted) wrong.push(`promise 4: ${name} lost ${lost.length} leases and counted ${counted}`);
  return [...wrong, ...say('never looked for', uncounted)];
}

/** Did we do the provider or ourselves harm, at any time? */
export function selfHarm(judge: Judge): void {
  for (const { issuer, house } of judge.kept) {
    for (const what of issuer.foolish.filter((each) => each.includes(' '))) judge.break(5, what);
    if (house.lockouts.length > 0 && issuer === house.tokens) judge.break(5, `locked out at ${house.lockouts}`);
  }
  for (const { limits } of new Set(judge.kept.map(({ house }) => house))) {
    for (const what of limits?.foolish ?? []) judge.break(5, what);
  }
}
