/** The secrets of the file: each with its source, its policy and its sinks. */
import type { Policy } from '../core/rules.ts';
import type { Remark } from '../sources/define.ts';
import type { SecretConfiguration } from './configuration.ts';
import type { Env } from './fill.ts';
import { sourceIdentity } from './identity.ts';
import { entriesOf, itemsOf, nodeOf, quoted, wordOf } from './locate.ts';
import { meant } from './nearest.ts';
import { oneWriter } from './one-writer.ts';
import type { PlacedOutput } from './outputs.ts';
import { type Parsed, parsePart, pluginOf } from './parse.ts';
import { builtIn, type PolicyOptions, policyOf } from './policy.ts';
import { type Finding, finding, type Place } from './problem.ts';
import { type Policies, type Providers, policyAt } from './providers.ts';
import { type Plugins, secretOutline } from './schema.ts';
import { oneName, onePlace, type Placed, remarked, sinkOf, withDefaults } from './sinks.ts';
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

/** `outputs`: where they go to together with others. */
export function secretsOf(
  around: Surroundings,
  outputs: readonly PlacedOutput[],
): Required<Parsed<readonly SecretConfiguration[]>> {
  const secrets: SecretConfiguration[] = [];
  const warnings: Finding[] = [];
  const sinks: Placed[] = [];
  const findings: Finding[] = [];
  const inOutputs = new Set(outputs.flatMap(({ from }) => from));
  for (const [name, { node, keyAt }] of entriesOf(nodeOf(around.root, 'secrets'))) {
    if (node.kind !== 'mapping') continue;
    const one = secretOf(name, node, keyAt, around);
    findings.push(
      ...one.findings,
      ...homeless(node, keyAt, inOutputs.has(name)),
      ...sameName(name, one.sinks, outputs),
    );
    sinks.push(...one.sinks);
    warnings.push(...one.warnings);
    if (one.value) secrets.push(one.value);
  }
  const all = [...sinks, ...outputs.flatMap(({ sink }) => (sink ? [sink] : []))];
  findings.push(...onePlace(all), ...oneWriter(around.root, secrets, around.providers));
  return { value: secrets, findings, warnings };
}

/** A secret may do without sinks of its own where it goes to an output. */
function homeless(node: Mapping, keyAt: Place, isInOutput: boolean): readonly Finding[] {
  if (isInOutput || nodeOf(node, 'sinks')) return [];
  return [finding(keyAt, [...node.path, 'sinks'], 'missing', 'write a list of places where it goes to')];
}

/** An output stands among the sinks of its secrets, under its own name. */
function sameName(name: string, sinks: readonly Placed[], outputs: readonly PlacedOutput[]): readonly Finding[] {
  return sinks.flatMap((sink) => {
    if (!outputs.some((output) => output.name === sink.name && output.from.includes(name))) return [];
    const at = nodeOf(sink.node, 'name') ?? sink.node;
    return [finding(at.at, at.path, 'an output of this secret has this name', 'give the sink another one')];
  });
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
