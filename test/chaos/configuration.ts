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
  readonly port: number;
  /** The command of exec steps. */
  readonly step: string;
}

export const clientSecretFile = (places: Places, identity: string): string => join(places.run, `${identity}.secret`);

export function configurationOf({ lives, places, dataDir, redis, url, port, step }: Surroundings): string {
  const identities = ['keeper', ...lives.secrets.filter(({ kind }) => kind === 'token').map(({ name }) => name)];
  const provider = (name: string) => `
  ${name}:
    type: infisical
    url: ${url}
    policy: { renewAt: 50%, jitter: 10%, grace: ${lives.grace / 1000}s }
    auth: { method: universal, clientId: ${identityOf(name).clientId}, clientSecret: { file: ${clientSecretFile(places, name)} } }`;
  return `version: 1
state: { redis: ${redis}, dataDir: ${dataDir} }
http: { listen: "127.0.0.1:${port}" }
page: { listen: off }
log: { level: debug, format: json }
policies:
  default: { renewAt: ${lives.renewAt}%, jitter: 10%, grace: ${lives.grace / 1000}s }
providers:${identities.map(provider).join('')}
secrets:${lives.secrets.map((secret) => inYaml(secret, places, step)).join('')}
`;
}

function inYaml(secret: SecretPlan, places: Places, step: string): string {
  const source =
    secret.kind === 'token'
      ? `{ type: infisical/access-token, provider: ${secret.name} }`
      : `{ type: infisical/dynamic-secret, provider: keeper, project: shop, environment: prod, name: ${secret.name} }`;
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
    source: ${source}${secret.isExclusive === true ? '\n    exclusive: true' : ''}
    sinks:${sinks.join('')}${own}`;
}
