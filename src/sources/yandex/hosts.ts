/** The hosts of Yandex Cloud: a client for each, which knows its clock, and one rate for all of them. */
import { type Duration, seconds } from '../../core/time.ts';
import type { Deps } from '../define.ts';
import { type HttpAnswer, type HttpClient, type HttpClientOptions, httpClient } from '../http-client.ts';
import { requestRate } from '../request-rate.ts';
import type { Host } from './client.ts';
import { isRefusal } from './failures.ts';
import type { Auth, ConnectionRules, Endpoints } from './options.ts';

export interface Hosts extends Readonly<Record<Host, HttpClient>> {
  /** Who issues our tokens. Whoever gave us one is nobody that we know. */
  readonly issuer: HttpClient | undefined;
  close(): Promise<void>;
}

/** Nothing is on the network between it and this machine: it is there at once, or not at all. */
const metadataDeadline: Duration = seconds(5);

/** So any success is its own, also the list of what it has, which is no JSON. */
const isAnswer = ({ status }: HttpAnswer): boolean => status >= 200 && status <= 299;

/** Throws `Error` where a variable of the environment that names a host or a proxy cannot be used. */
export function hostsOf(endpoints: Endpoints, auth: Auth, { tls, rate, slots }: ConnectionRules, deps: Deps): Hosts {
  const shared = rate && requestRate(rate.requestsPerMinute, deps.clock);
  const clientAt = (url: string, of: Deps, more: Partial<HttpClientOptions> = { tls }) =>
    httpClient({ url, connections: slots, rate: shared, isItself: isRefusal, ...more }, of);
  const dating: HttpClient[] = [];
  const dated = {
    ...deps,
    // Of those by whose clocks anything is dated: the one that is furthest from ours.
    onSkew: () => {
      const skews = dating.map(({ clock }) => clock.now() - deps.clock.now());
      deps.onSkew(skews.reduce((most, skew) => (Math.abs(skew) > Math.abs(most) ? skew : most), 0));
    },
  };
  const undated = { ...deps, onSkew: () => undefined, onDoubt: () => undefined };
  const issuerOf = (): HttpClient | undefined => {
    switch (auth.method) {
      case 'service-account-key':
        return clientAt(endpoints.iam, dated);
      case 'workload-identity':
        return clientAt(endpoints.auth, dated);
      case 'metadata':
        // Through no proxy: what it hands out is for this machine alone.
        return clientAt(metadataUrl(deps), { ...dated, env: {} }, { deadline: metadataDeadline, isItself: isAnswer });
      case 'token':
        return undefined;
    }
  };
  const issuer = issuerOf();
  const lockbox = clientAt(endpoints.lockbox, dated);
  const payload = clientAt(endpoints.payload, undated);
  const operation = clientAt(endpoints.operation, undated);
  dating.push(lockbox, ...(issuer ? [issuer] : []));
  return {
    lockbox,
    payload,
    operation,
    issuer,
    async close() {
      await Promise.all([lockbox, payload, operation, issuer].map((http) => http?.close()));
    },
  };
}

/** `YC_METADATA_ADDR` is understood by all of their programs. */
function metadataUrl({ env }: Deps): string {
  const address = env['YC_METADATA_ADDR']?.trim() || '169.254.169.254';
  const url = `http://${address}`;
  if (URL.canParse(url) && new URL(url).pathname === '/' && !address.includes('@')) return url;
  throw new Error('the environment variable YC_METADATA_ADDR is not the address of a host: write host or host:port');
}
