/** The policies and the providers of the file. */
import type { ProviderConfiguration } from './configuration.ts';
import type { Env } from './fill.ts';
import { digestOf, tokenIdentity } from './identity.ts';
import { entriesOf, nodeOf, quoted, without, wordOf } from './locate.ts';
import { meant } from './nearest.ts';
import { parsePart, pluginOf } from './parse.ts';
import { builtInForTokens, contradictions, type PolicyOptions, policy, policyOf, tooMuchJitter } from './policy.ts';
import { type Finding, finding, type Place } from './problem.ts';
import { type Plugins, providerOutline } from './schema.ts';
import { keysAt } from './shape.ts';
import type { Node } from './tree.ts';

/** By name; `undefined` where something is wrong with it, which was already found. */
export type Policies = ReadonlyMap<string, PolicyOptions | undefined>;

export function policiesOf(root: Node): { readonly policies: Policies; readonly findings: readonly Finding[] } {
  const policies = new Map<string, PolicyOptions | undefined>();
  const findings: Finding[] = [];
  for (const [name, { node }] of entriesOf(nodeOf(root, 'policies'))) {
    const { options, findings: found } = rulesOf(node);
    policies.set(name, options);
    findings.push(...found);
  }
  return { policies, findings };
}

/** What its schema alone cannot tell; the rest is said by whoever parses the part around it. */
function rulesOf(node: Node): { readonly options?: PolicyOptions; readonly findings: readonly Finding[] } {
  if (node.kind !== 'mapping') return { findings: [] };
  const { value } = parsePart(policy, node, node.at, {});
  if (!value) return { findings: contradictions(node) };
  return { options: value, findings: [...contradictions(node), ...tooMuchJitter(value, node)] };
}

/** A policy that is named, or written in place. `options` are absent where something is wrong with it. */
export function policyAt(
  node: Node,
  policies: Policies,
): { readonly options?: PolicyOptions; readonly findings: readonly Finding[] } {
  if (node.kind === 'mapping') return rulesOf(node);
  const word = wordOf(node);
  if (!word) return { findings: [] };
  const options = policies.get(word.value);
  if (options) return { options, findings: [] };
  if (policies.has(word.value)) return { findings: [] };
  const known = [...policies.keys()];
  const remedy = meant(word.value, known) ?? 'write it under policies:, or write the rules in its place';
  return { findings: [finding(node.at, node.path, `there is no policy${quoted(word)}`, remedy)] };
}

export interface Providers {
  readonly configured: Readonly<Record<string, ProviderConfiguration>>;
  /** The type of each that is named, also where something else is wrong with it. */
  readonly types: ReadonlyMap<string, string | undefined>;
  readonly findings: readonly Finding[];
}

export function providersOf(root: Node, policies: Policies, plugins: Plugins, env: Env): Providers {
  const configured: Record<string, ProviderConfiguration> = {};
  const types = new Map<string, string | undefined>();
  const findings: Finding[] = [];
  for (const [name, { node, keyAt }] of entriesOf(nodeOf(root, 'providers'))) {
    types.set(name, wordOf(nodeOf(node, 'type'))?.value);
    if (node.kind !== 'mapping') continue;
    const one = providerOf(node, keyAt, policies, plugins, env);
    findings.push(...one.findings);
    if (one.value) configured[name] = one.value;
  }
  return { configured, types, findings };
}

type Opened = Pick<ProviderConfiguration, 'type' | 'connect' | 'limits' | 'place'> & {
  readonly mistakenIn: (env: Env) => string | undefined;
};

function providerOf(node: Node, keyAt: Place, policies: Policies, plugins: Plugins, env: Env) {
  const { plugin, findings: ofType } = pluginOf(plugins.providers, node, keyAt);
  const known = plugin ? keysAt(plugin.schema, [], undefined) : [];
  const shared = Object.keys(providerOutline.shape).filter((key) => !known.includes(key));
  const general = parsePart(providerOutline, node, keyAt, env);
  const policyNode = nodeOf(node, 'policy');
  const rules = policyNode && policyAt(policyNode, policies);
  const own = plugin && parsePart(plugin.schema, without(node, shared), keyAt, env);
  const findings = [...ofType, ...general.findings, ...(rules?.findings ?? []), ...(own?.findings ?? [])];
  if (!own?.value || !general.value) return { findings };
  const opened = own.value as Opened;
  const mistake = findings.length === 0 ? opened.mistakenIn(env) : undefined;
  if (mistake !== undefined) {
    return { findings: [finding(keyAt, node.path, mistake, 'put that right where leasekeeper is started')] };
  }
  const { slots } = general.value;
  const value: ProviderConfiguration = {
    type: opened.type,
    identity: tokenIdentity(node),
    digest: digestOf(node),
    connect: opened.connect,
    limits: opened.limits,
    ...(opened.place !== undefined && { place: opened.place }),
    policy: policyOf(rules?.options ?? {}, builtInForTokens),
    ...(slots !== undefined && { slots }),
  };
  return { value, findings };
}
