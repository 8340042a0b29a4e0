/** The daemon's configuration for a run, as YAML. */
import { join } from 'node:path';
import { logOf, type Places, pidFileOf } from './crowd.ts';
import { identityOf, type Lives, type SecretPlan } from './lives.ts';

export interface Surroundings {
  readonly lives: Lives;
  readonly places: Places;
  readonly dataDir: string;
  readonly redis: string;
  /** Of the provider, as the daemon sees it. */
  readonly url: string;
  /** Of the store, and by name the ids of its secrets. */
  readonly store: { readonly endpoints: Readonly<Record<string, string>>; readonly ids: ReadonlyMap<string, string> };
  readonly port: number;
  /** The command of exec steps. */
  readonly step: string;
}

export const clientSecretFile = (places: Places, identity: string): string => join(places.run, `${identity}.secret`);

export const storeKeyFile = (places: Places): string => join(places.run, 'store-key.json');

export function configurationOf(around: Surroundings): string {
  const { lives, places, dataDir, redis, url, store, port } = around;
  const identities = ['keeper', ...lives.secrets.filter(({ kind }) => kind === 'token').map(({ name }) => name)];
  const provider = (name: string) => `
  ${name}:
    type: infisical
    url: ${url}
    policy: { renewAt: 50%, jitter: 10%, grace: ${lives.grace / 1000}s }
    auth: { method: universal, clientId: ${identityOf(name).clientId}, clientSecret: { file: ${clientSecretFile(places, name)} } }`;
  const hosts = Object.entries(store.endpoints).map(([host, at]) => `${host}: "${at}"`);
  return `version: 1
state: { redis: ${redis}, dataDir: ${dataDir} }
http: { listen: "127.0.0.1:${port}" }
page: { listen: off }
log: { level: debug, format: json }
policies:
  default: { renewAt: ${lives.renewAt}%, jitter: 10%, grace: ${lives.grace / 1000}s }
providers:${identities.map(provider).join('')}
  store:
    type: yandex
    auth: { method: service-account-key, keyFile: ${storeKeyFile(places)} }
    endpoints: { ${hosts.join(', ')} }
secrets:${lives.secrets.map((secret) => inYaml(secret, around)).join('')}
`;
}

/** Where it comes from, and by which rules if not by the usual. */
function sourceOf({ name, kind, ttl }: SecretPlan, { lives, store }: Surroundings): string {
  const version = `type: yandex/lockbox, provider: store, secretId: ${store.ids.get(name)}, poll: 1s`;
  switch (kind) {
    case 'token':
      return `{ type: infisical/access-token, provider: ${name} }`;
    case 'rotated':
      return `{ ${version}, pendingPeriod: ${lives.store.pending / 1000}s, generate: { by: leasekeeper, key: password, length: 48 } }
    policy: { rotate: { every: ${ttl / 1000}s }, grace: ${lives.grace / 1000}s }`;
    case 'followed':
      return `{ ${version} }`;
    default:
      return `{ type: infisical/dynamic-secret, provider: keeper, project: shop, environment: prod, name: ${name} }`;
  }
}

function inYaml(secret: SecretPlan, around: Surroundings): string {
  const { places, step } = around;
  // One program is told once, by the signal where there is one.
  const whom = (reload: SecretPlan['reload'], consumer: string) =>
    reload.includes('signal') ? '' : `, ${pidFileOf(places, consumer)}`;
  const steps = (reload: SecretPlan['reload'], consumer: string) =>
    reload
      .map((kind) =>
        kind === 'signal'
          ? `{ signal: SIGHUP, pidFile: ${pidFileOf(places, consumer)} }`
          : `{ exec: [${step}, ${logOf(places, consumer)}, ${join(places.secrets, consumer)}${whom(reload, consumer)}] }`,
      )
      .join(', ');
  const sinks = secret.sinks.map(({ file, format, reload }) => {
    const key = format === 'raw' ? `, key: ${secret.kind === 'token' ? 'token' : 'DB_PASSWORD'}` : '';
    const own = reload.length > 0 ? `, reload: [${steps(reload, file)}]` : '';
    return `
      - { type: file, path: ${join(places.secrets, file)}, format: ${format}${key}${own} }`;
  });
  const first = secret.sinks[0]?.file ?? '';
  const own = secret.reload.length > 0 ? `\n    reload: [${steps(secret.reload, first)}]` : '';
  return `
  ${secret.name}:
    source: ${sourceOf(secret, around)}${secret.isExclusive === true ? '\n    exclusive: true' : ''}
    sinks:${sinks.join('')}${own}`;
}
