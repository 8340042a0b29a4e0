/** The secrets of the file: each with its source, its policy and its sinks. */
import type { Policy } from '../core/rules.ts';
import type { Remark } from '../sources/define.ts';
import { withWholePaths } from './beside.ts';
import type { SecretConfiguration, SinkConfiguration } from './configuration.ts';
import type { Env } from './fill.ts';
import { sourceIdentity } from './identity.ts';
import { split } from './issues.ts';
import { entriesOf, itemsOf, locate, nodeOf, onTopOf, quoted, wordOf } from './locate.ts';
import { meant } from './nearest.ts';
import { type Parsed, parsePart, pluginOf } from './parse.ts';
import { builtIn, type PolicyOptions, policyOf } from './policy.ts';
import { type Finding, finding, type Place } from './problem.ts';
import { type Policies, type Providers, policyAt } from './providers.ts';
import { type Plugin, type Plugins, secretOutline } from './schema.ts';
import { keysAt } from './shape.ts';
import { idleRemoval } from './taking-back.ts';
import type { Mapping, Node } from './tree.ts';

/** What a secret may refer to. */
export interface Surroundings {
  readonly root: Node;
  readonly policies: Policies;
  readonly providers: Providers;
  readonly plugins: Plugins;
  readonly env: Env;
  /** The file itself. */
  readonly file: string;
}

/** A sink, and where it is written. */
type Placed = SinkConfiguration & { readonly node: Node };

export function secretsOf(around: Surroundings): Required<Parsed<readonly SecretConfiguration[]>> {
  const secrets: SecretConfiguration[] = [];
  const warnings: Finding[] = [];
  const sinks: Placed[] = [];
  const findings: Finding[] = [];
  for (const [name, { node, keyAt }] of entriesOf(nodeOf(around.root, 'secrets'))) {
    if (node.kind !== 'mapping') continue;
    const one = secretOf(name, node, keyAt, around);
    findings.push(...one.findings);
    sinks.push(...one.sinks);
    warnings.push(...one.warnings);
    if (one.value) secrets.push(one.value);
  }
  return { value: secrets, findings: [...findings, ...onePlace(sinks)], warnings };
}

function secretOf(name: string, node: Mapping, keyAt: Place, around: Surroundings) {
  const outline = parsePart(secretOutline, node, keyAt, around.env);
  const source = sourceOf(node, around);
  const policy = policyFor(node, around.policies);
  const sinks = itemsOf(nodeOf(node, 'sinks')).map((sink) => sinkOf(sink, around));
  const placed = sinks.flatMap(({ value }) => (value ? [value] : []));
  const removal = idleRemoval(node, placed);
  const findings = [
    ...outline.findings,
    ...source.findings,
    ...policy.findings,
    ...sinks.flatMap((sink) => sink.findings),
    ...oneName(placed),
    ...idleRotation(policy.options, source.value, node),
    ...removal.findings,
  ];
  const warnings = [source, ...sinks, removal].flatMap((one) => one.warnings ?? []);
  if (!outline.value || !source.value) return { findings, sinks: placed, warnings };
  const { required, exclusive, onShutdown, onExpired, verify, reload } = outline.value;
  const value: SecretConfiguration = {
    name,
    source: source.value,
    policy: policy.value,
    sinks: placed.map(({ node: _, ...sink }) => sink),
    verify,
    reload,
    required,
    exclusive,
    onShutdown,
    onExpired,
  };
  return { value, findings, sinks: placed, warnings };
}

/** What the defaults bring to a plugin's options: only what it knows. */
function withDefaults(written: Mapping, kind: 'source' | 'sink', plugins: readonly Plugin[], root: Node): Mapping {
  const defaults = nodeOf(nodeOf(root, 'defaults'), kind);
  if (!defaults) return written;
  const typed = onTopOf(defaults, written, (key) => key === 'type');
  const type = wordOf(nodeOf(typed, 'type'))?.value;
  const plugin = plugins.find((one) => one.type === type);
  const known = plugin ? keysAt(plugin.schema, [], undefined) : [];
  return onTopOf(defaults, typed, (key) => known.includes(key));
}

/** Keys among the defaults that no plugin would take. */
export function idleDefaults(root: Node, plugins: Plugins): readonly Finding[] {
  const kinds = [
    ['source', plugins.sources],
    ['sink', plugins.sinks],
  ] as const;
  return kinds.flatMap(([kind, all]) => {
    const known = [...new Set(all.flatMap(({ schema }) => keysAt(schema, [], undefined)))];
    return entriesOf(nodeOf(nodeOf(root, 'defaults'), kind)).flatMap(([key, { keyAt, node }]) =>
      known.includes(key) ? [] : [finding(keyAt, node.path, `no ${kind} knows this key`, meant(key, known))],
    );
  });
}

function sourceOf(
  secret: Mapping,
  { root, providers, plugins, env }: Surroundings,
): Parsed<SecretConfiguration['source']> {
  const entry = secret.entries.get('source');
  if (entry?.node.kind !== 'mapping') return { findings: [] };
  const node = withDefaults(entry.node, 'source', plugins.sources, root);
  const { plugin, findings } = pluginOf(plugins.sources, node, entry.keyAt);
  const word = wordOf(nodeOf(node, 'provider'));
  const ofProvider: Finding[] = [];
  if (word && providers.types.size > 0 && !providers.types.has(word.value)) {
    const known = [...providers.types.keys()];
    ofProvider.push(finding(word.at, word.path, `there is no provider${quoted(word)}`, meant(word.value, known)));
  }
  if (!plugin) return { findings: [...findings, ...ofProvider] };
  const wanted = plugin.type.split('/')[0] ?? '';
  const type = word && providers.types.get(word.value);
  if (word && type !== undefined && type !== wanted && plugins.providers.some((one) => one.type === type)) {
    const fitting = [...providers.types].flatMap(([name, other]) => (other === wanted ? [name] : []));
    const message = `${plugin.type} is not taken from a provider of type ${type}`;
    const remedy = fitting.length > 0 ? meant(undefined, fitting) : `add a provider of type ${wanted}`;
    ofProvider.push(finding(word.at, word.path, message, remedy));
  }
  const own = parsePart(plugin.schema, node, entry.keyAt, env);
  const identity = sourceIdentity(node, nodeOf(nodeOf(root, 'providers'), word?.value ?? ''));
  if (own.value === undefined) return { findings: [...findings, ...ofProvider, ...own.findings] };
  const { warnings = [], ...source } = own.value as SecretConfiguration['source'] & { warnings?: readonly Remark[] };
  return {
    value: { ...source, identity },
    findings: [...findings, ...ofProvider, ...own.findings],
    warnings: warnings.map((one) => remarked(one, node)),
  };
}

function remarked({ at, message }: Remark, node: Node): Finding {
  const spot = locate(node, [at]);
  return finding(spot.at, spot.path, ...split(message));
}

interface Chosen extends Required<Omit<Parsed<Policy>, 'warnings'>> {
  readonly options?: PolicyOptions;
}

function policyFor(secret: Mapping, policies: Policies): Chosen {
  const node = nodeOf(secret, 'policy');
  const { options, findings } = node ? policyAt(node, policies) : { options: policies.get('default'), findings: [] };
  return { value: policyOf(options ?? {}, builtIn), findings, ...(options && { options }) };
}

/** A policy that rotates what nobody can make anew. */
function idleRotation(
  options: PolicyOptions | undefined,
  source: SecretConfiguration['source'] | undefined,
  secret: Mapping,
): readonly Finding[] {
  if (!options?.rotate || !source || source.canRotate) return [];
  const node = nodeOf(secret, 'policy');
  const message = `this policy rotates, but ${source.type} cannot make a new value`;
  const remedy = node ? 'choose a policy without rotate' : 'write policy: with one that has no rotate';
  return [finding(node?.at ?? secret.at, node?.path ?? secret.path, message, remedy)];
}

function sinkOf(node: Node, { root, plugins, env, file }: Surroundings): Parsed<Placed> {
  if (node.kind !== 'mapping') return { findings: [] };
  const merged = withWholePaths(withDefaults(node, 'sink', plugins.sinks, root), file);
  const { plugin, findings } = pluginOf(plugins.sinks, merged, node.at);
  if (!plugin) return { findings };
  const own = parsePart(plugin.schema, merged, node.at, env);
  if (own.value === undefined) return { findings: own.findings };
  const { warnings = [], ...sink } = own.value as SinkConfiguration & { warnings?: readonly Remark[] };
  return {
    value: { ...sink, node: merged },
    findings: own.findings,
    warnings: warnings.map((one) => remarked(one, merged)),
  };
}

/** Sinks of one secret that have one name: nobody could tell which of them owes. */
function oneName(sinks: readonly Placed[]): readonly Finding[] {
  const seen = new Map<string, Placed>();
  return sinks.flatMap((sink) => {
    const first = seen.get(sink.name);
    if (!first) seen.set(sink.name, sink);
    // Two on one place are told of anyway.
    if (!first || (!sink.isShared && placeOf(first) === placeOf(sink))) return [];
    const at = nodeOf(sink.node, 'name') ?? sink.node;
    const message = `another sink of this secret has this name, in line ${first.node.at.line}`;
    return [finding(at.at, at.path, message, 'give each a name of its own')];
  });
}

/** Paths are one name space, whoever writes there. */
const placeOf = ({ type, target }: SinkConfiguration): string =>
  target.startsWith('/') ? target.replace(/\/+/g, '/').replace(/\/$/, '') : `${type}:${target}`;

/** Sinks on one place would overwrite one another for ever. */
function onePlace(sinks: readonly Placed[]): readonly Finding[] {
  const seen = new Map<string, Placed>();
  return sinks.flatMap((sink) => {
    if (sink.isShared) return [];
    const place = placeOf(sink);
    const first = seen.get(place);
    if (!first) seen.set(place, sink);
    if (!first) return [];
    const at = nodeOf(sink.node, 'path') ?? sink.node;
    const message = `another sink writes to the same place, in line ${first.node.at.line}`;
    return [finding(at.at, at.path, message, 'give each a place of its own')];
  });
}
