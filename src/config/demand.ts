/** Does what the file asks for fit through what its providers take? */
import type { Policy } from '../core/rules.ts';
import { minutes } from '../core/time.ts';
import type { Demand } from '../sources/define.ts';
import type { Configuration, ProviderConfiguration, SecretConfiguration } from './configuration.ts';
import { locate } from './locate.ts';
import { type Finding, finding } from './problem.ts';
import { type Node, start } from './tree.ts';

/** What to know of providers whose secrets need more requests a minute, as long as all is well, than come through. */
export function overloads(root: Node, { providers, secrets }: Pick<Configuration, 'providers' | 'secrets'>) {
  return Object.entries(providers).flatMap(([name, provider]) => {
    const own = secrets.filter(({ source }) => source.provider === name);
    return overloadOf(root, name, provider, demandOf(own));
  });
}

/** Requests a minute, by their kinds. */
function demandOf(secrets: readonly SecretConfiguration[]): ReadonlyMap<string, number> {
  const shared = new Map<string, number>();
  const byKind = new Map<string, number>();
  const add = (kind: string, more: number) => byKind.set(kind, (byKind.get(kind) ?? 0) + more);
  for (const { source, policy } of secrets) {
    for (const demand of source.demands ?? []) {
      const rate = perMinute(demand, policy);
      if (demand.shared === undefined) {
        add(demand.kind, rate);
        continue;
      }
      const key = JSON.stringify([demand.kind, demand.shared]);
      // Who asks most often asks for all.
      const before = shared.get(key) ?? 0;
      add(demand.kind, Math.max(0, rate - before));
      shared.set(key, Math.max(before, rate));
    }
  }
  return byKind;
}

function perMinute({ every, isTerm }: Demand, { renewAt, renewBefore, jitter }: Policy): number {
  const share = renewBefore === undefined ? renewAt : Math.max(1 / 2, 1 - renewBefore / every);
  return minutes(1) / (isTerm ? every * Math.max(0.01, share - jitter / 2) : every);
}

function overloadOf(
  root: Node,
  name: string,
  { limits }: ProviderConfiguration,
  demand: ReadonlyMap<string, number>,
): readonly Finding[] {
  const { sustained, ofKind = {} } = limits;
  const tell = (key: readonly string[], message: string, remedy: string) => {
    const spot = locate(root, ['providers', name, ...key], start);
    return [finding(spot.at, spot.path, message, remedy)];
  };
  const said = (number: number): string => String(Math.ceil(number));
  const less = 'ask less often, by a longer ttl or poll';
  const all = [...demand.values()].reduce((sum, one) => sum + one, 0);
  if (sustained !== undefined && all > sustained) {
    const message = `its secrets need about ${said(all)} requests a minute, and ${sustained} come through for good`;
    return tell(['rate', 'requestsPerMinute'], message, `raise it, or ${less}`);
  }
  return [...demand].flatMap(([kind, needed]) => {
    const limit = ofKind[kind] ?? Number.POSITIVE_INFINITY;
    if (needed <= limit) return [];
    const message = `its secrets need about ${said(needed)} requests a minute of one kind (${kind}), and it takes ${limit} by default`;
    return tell(['url'], message, `be sure that your plan allows more, or ${less}`);
  });
}
