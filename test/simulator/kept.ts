/** Has each secret of a plan an issuer to come from and places to go to. */
import { seconds } from '../../src/core/time.ts';
import type { Kept } from './excuses.ts';
import { Folder } from './folder.ts';
import { calmFolder } from './folder-nature.ts';
import { FolderServer } from './folder-server.ts';
import type { House } from './house.ts';
import { Issuer } from './issuer.ts';
import { LockboxServer } from './lockbox-server.ts';
import { SinkPlace } from './place.ts';
import type { HousePlan, SecretPlan } from './plan.ts';
import { Versions } from './versions.ts';
import type { World } from './world.ts';

type Ground = Pick<World, 'timeline' | 'dice' | 'troubles' | 'chaos' | 'plan'>;

/** Those of one provider. */
export function keptIn(ground: Ground, { token, secrets }: HousePlan, house: House | undefined): readonly Kept[] {
  if (!house) return [];
  const tokens = token ? [keptAs(ground, token, house, true)] : [];
  house.tokens = tokens[0]?.issuer;
  const servers = new Map<string, FolderServer>();
  return [...tokens, ...secrets.map((secret) => keptAs(ground, secret, house, false, servers))];
}

function keptAs(
  ground: Ground,
  secret: SecretPlan,
  house: House,
  isToken: boolean,
  servers = new Map<string, FolderServer>(),
): Kept {
  const { timeline, dice, troubles, plan } = ground;
  const { name, nature, rotatesEvery } = secret;
  const lockbox = nature.versions && lockboxOf(ground, secret, house);
  const folder = nature.folder && folderOf(ground, secret, house, servers);
  const issuer = lockbox?.versions ?? folder ?? new Issuer(name, nature, timeline, dice);
  issuer.lies = plan.lies;
  issuer.unfit = secret.isVerified ? plan.unfit : 0;
  if (folder) folder.server.unfit = Math.max(folder.server.unfit, issuer.unfit);
  // A lie is as good as no answer: whoever believed it has to think again.
  issuer.onLie = () => troubles.note(`call/${name}`, timeline.now(), timeline.now() + seconds(1));
  const places = secret.sinks.map((told, i) => new SinkPlace(name, `sink${i}`, told, timeline, dice));
  for (const place of places) place.valueOf = issuer.valueOf;
  const rotateAfter = rotatesEvery === undefined ? undefined : (issued: number) => issued + rotatesEvery;
  const policy = { ...secret.policy, ...(rotateAfter && { rotateAfter }) };
  return { ...secret, policy, issuer, house, places, isToken, ...(lockbox && { lockbox }), ...(folder && { folder }) };
}

function lockboxOf({ timeline, dice, troubles, chaos }: Ground, { name, nature }: SecretPlan, house: House) {
  const server = new LockboxServer(new Versions(name, nature, timeline, dice), house, timeline, dice);
  server.operations.onLate = (until, hasFailed) => {
    chaos.happened(hasFailed ? 'an operation fails late' : 'an operation takes its time');
    troubles.note(`call/${name}`, timeline.now(), until + seconds(1));
  };
  return server;
}

function folderOf(
  { timeline, dice }: Ground,
  { name, nature }: SecretPlan,
  house: House,
  servers: Map<string, FolderServer>,
) {
  const { folder = calmFolder } = nature;
  const server = servers.get(folder.path) ?? new FolderServer(folder, house, timeline, dice);
  servers.set(folder.path, server);
  return new Folder(name, nature, server, timeline, dice);
}
