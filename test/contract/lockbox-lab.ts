/** The constructed examples of Lockbox and IAM, and the world in which each of them would have happened. */
import { readFileSync } from 'node:fs';
import { type Reply, say } from '../sandbox/asking.ts';
import { aLockbox, type LockboxBuilder } from '../sandbox/yandex/builder.ts';
import type { LockboxSandbox } from '../sandbox/yandex/sandbox.ts';
import type { Host } from '../sandbox/yandex/spec.ts';

export interface Example {
  readonly name: string;
  readonly request: {
    readonly method: string;
    readonly host: string;
    readonly path: string;
    readonly query: Readonly<Record<string, string>>;
    readonly headers: Readonly<Record<string, string>>;
    readonly body: Readonly<Record<string, unknown>> | null;
  };
  readonly response: {
    readonly status: number;
    readonly headers: Readonly<Record<string, string>>;
    readonly body: unknown;
  };
}

export const examples = JSON.parse(
  readFileSync(new URL('./lockbox/examples.json', import.meta.url), 'utf8'),
) as readonly Example[];

export function example(name: string): Example {
  const found = examples.find((one) => one.name === name);
  if (found === undefined) throw new Error(`there is no example "${name}"`);
  return found;
}

export const ids = {
  folder: 'b1gfolder00000000001',
  secret: 'e6qsecret00000000001',
  account: 'ajesvcacct0000000001',
  versions: ['e6qversion0000000001', 'e6qversion0000000002', 'e6qversion0000000003'],
} as const;

export const lab: LockboxBuilder = aLockbox().withAccount({
  id: ids.account,
  oauthToken: 'y0_CONSTRUCTED',
  roles: [
    'lockbox.viewer',
    'lockbox.payloadViewer',
    'lockbox.editor',
    'kms.keys.encrypterDecrypter',
    'iam.serviceAccounts.tokenCreator',
  ],
});

/** The secret that most examples are about. */
export const dbApp = {
  name: 'db-app',
  id: ids.secret,
  folderId: ids.folder,
  labels: { team: 'payments' },
  versions: ids.versions.slice(0, 2).map((id, index) => ({
    id,
    entries: { username: 'app', password: `CONSTRUCTED-pw-${index + 1}` },
  })),
};

export const passwordSpec = {
  passwordKey: 'password',
  length: 36,
  includeUppercase: true,
  includeLowercase: true,
  includeDigits: true,
  includePunctuation: true,
  excludedPunctuation: '"\'`\\$',
};

const hostOf: Readonly<Record<string, Host>> = {
  'lockbox.api.cloud.yandex.net': 'lockbox',
  'payload.lockbox.api.cloud.yandex.net': 'payload',
  'operation.api.cloud.yandex.net': 'operation',
  'iam.api.cloud.yandex.net': 'iam',
  'auth.yandex.cloud': 'auth',
  'api.cloud.yandex.net': 'discovery',
  '169.254.169.254': 'metadata',
};

/** What has to be put in the place of the example's own. */
export interface Substitutes {
  readonly token?: string | undefined;
  readonly path?: string;
  readonly body?: Readonly<Record<string, unknown>>;
}

/** Send the example's request. */
export function ask(sandbox: LockboxSandbox, { request }: Example, with_: Substitutes = {}): Promise<Reply> {
  const headers: Record<string, string> = {};
  for (const [name, value] of Object.entries(request.headers)) headers[name.toLowerCase()] = value;
  const { token = sandbox.account.token().value } = with_;
  if (headers['authorization'] !== undefined) headers['authorization'] = `Bearer ${token}`;
  const query = new URLSearchParams(request.query).toString();
  const path = (with_.path ?? request.path) + (query === '' ? '' : `?${query}`);
  const content = request.body === null ? undefined : { ...request.body, ...with_.body };
  const isForm = headers['content-type'] === 'application/x-www-form-urlencoded';
  const body = isForm
    ? new URLSearchParams(content as Record<string, string>).toString()
    : content && JSON.stringify(content);
  const host = hostOf[request.host];
  if (host === undefined) throw new Error(`the sandbox has no host ${request.host}`);
  const message = { method: request.method, path, headers, ...(body === undefined ? {} : { body }) };
  return say(sandbox.endpoints[host], message);
}
