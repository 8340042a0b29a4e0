/** Secrets of the file on one store of a provider: where one of them rotates it, what the others hold ends with that. */
import type { SecretConfiguration } from './configuration.ts';
import { locate } from './locate.ts';
import { type Finding, finding } from './problem.ts';
import type { Providers } from './providers.ts';
import type { Node } from './tree.ts';

type Source = SecretConfiguration['source'];

/**
 * A version is ended when no sink of its secret holds it: nobody would look at those of another. `root`: the file. Told
 * at the later of the two.
 */
export function oneWriter(
  root: Node,
  secrets: readonly SecretConfiguration[],
  { configured }: Providers,
): readonly Finding[] {
  const storeOf = ({ store, provider, type }: Source): string | undefined =>
    store && JSON.stringify([type, configured[provider]?.place ?? provider, store.id]);
  return secrets.flatMap(({ name, source }, i) => {
    const mine = storeOf(source);
    const found = secrets.findIndex((one) => one.source.canRotate && storeOf(one.source) === mine);
    const writer = secrets[found];
    if (mine === undefined || !writer || found === i) return [];
    const [first, second] = found < i ? [writer.name, name] : [name, writer.name];
    const spotOf = (secret: string) => locate(root, ['secrets', secret, 'source', source.store?.at ?? '']);
    const { at, path } = spotOf(second);
    const message =
      `secrets ${first}, in line ${spotOf(first).at.line}, and ${second} are on one secret of the provider, which` +
      ` ${writer.name} rotates: what the sinks of ${name} hold would be destroyed`;
    return [finding(at, path, message, 'make one secret of them, and give it the sinks of both')];
  });
}
