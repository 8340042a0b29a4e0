/** How the sandbox gets into the state in which each exchange about static secrets was recorded. */
import { type Lab, projectId, rotatedValue } from './sandbox-lab.ts';
import { asked, asking, type Scenario, use } from './sandbox-scenarios-auth.ts';

const place = { workspaceId: projectId, environment: 'dev', secretPath: '/' };
const raw = '/api/v3/secrets/raw';

type Before = (lab: Lab, jwt: string) => Promise<unknown> | unknown;

const after = (...before: readonly Before[]): Scenario =>
  asked('main', async (lab, jwt) => {
    for (const one of before) await one(lab, jwt);
  });

const patch =
  (secretValue: string, key = 'API_KEY'): Before =>
  (lab, jwt) =>
    lab.post(`${raw}/${key}`, { ...place, secretValue }, jwt, 'PATCH');

const made =
  (key: string, secretValue: string, secretComment = ''): Before =>
  (lab, jwt) =>
    lab.post(`${raw}/${key}`, { ...place, secretValue, secretComment }, jwt);

const ours = made('ROTATED_BY_LK', 'v1', 'made by test');
const patched = (times: number, last: string): readonly Before[] =>
  Array.from({ length: times }, (_, n) => patch(n === times - 1 ? last : `value ${n}`));

const withEtag =
  (change: (etag: string) => string): Scenario =>
  async (lab) => {
    const token = await lab.logIn();
    const { headers } = await use(lab, token);
    return { token, headers: { 'if-none-match': change(String(headers['etag'])) } };
  };

export const staticSecrets: Readonly<Record<string, Scenario>> = {
  'secrets-list': asking(),
  'secrets-list-by-slug': asking(),
  'secrets-list-expand-default': asking(),
  'secrets-list-hidden-values': asking(),
  'secrets-list-viewer': asking('viewer'),
  'secrets-list-outsider': asking('outsider'),
  'secrets-list-describe-only-identity': asking('describe-only'),
  'secrets-list-unknown-env': asking(),
  'secrets-list-unknown-path': asking(),
  'secrets-list-missing-env': asking(),
  'secrets-list-missing-project': asking(),
  'secrets-list-304': withEtag((etag) => etag),
  'secrets-list-if-none-match-weak': withEtag((etag) => `W/${etag}`),
  'secrets-list-if-none-match-star': withEtag(() => '*'),
  'secrets-list-expanded': asking(),
  'secrets-list-imports': after(({ sandbox }) =>
    sandbox.control.changeSecrets({ ROT_USER: null, ROT_PASS: null }, { path: '/app' }),
  ),
  'secrets-list-partial-read-identity': asking('partial'),
  'secrets-list-partial-read-identity-view-false': asking('partial'),
  'secrets-list-after-patch-etag-changed': after(patch('api-key-v2')),
  'secrets-list-while-redis-stalls-4s': async (lab) => {
    const token = await lab.logIn();
    lab.sandbox.control.fault({ kind: 'slow', from: 20, to: 20 });
    return { token };
  },
};

export const singleSecrets: Readonly<Record<string, Scenario>> = {
  'secrets-get': asking(),
  'secrets-get-304': async (lab) => {
    const token = await lab.logIn();
    const path = `${raw}/API_KEY?workspaceId=${projectId}&environment=dev&secretPath=%2F`;
    return { token, headers: { 'if-none-match': String((await lab.get(path, token)).headers['etag']) } };
  },
  'secrets-get-after-patch': after(patch('api-key-v2')),
  'secrets-get-imported-by-name': asking(),
  'secrets-get-unknown': asking(),
  'secrets-get-version-99': asking(),
  'secrets-patch': asking(),
  'secrets-patch-same-value': after(patch('api-key-v2')),
  'secrets-patch-trailing-newline': after(...patched(3, 'x')),
  'secrets-patch-unknown': asking(),
  'secrets-patch-viewer': asking('viewer'),
  'secrets-create-bad-name': asking(),
  'secrets-create-duplicate': after(ours),
  'secrets-batch-patch': after(ours),
  'secrets-batch-upsert': after(ours, patch('b1', 'ROTATED_BY_LK')),
  'secrets-delete': after(made('UPSERTED', 'u1')),
  'secrets-delete-again': asking(),
  'ratelimit-secret-by-name-after-list-429': after(...patched(5, 'api-key-b1'), async (lab, jwt) => {
    for (let n = 0; n < 41; n += 1) await use(lab, jwt);
  }),
};

const rotate: Before = ({ sandbox }) =>
  sandbox.control.changeSecrets(
    { ROT_USER: 'rot_b', ROT_PASS: rotatedValue('rotation-rotated-secret-after-rotate') },
    { path: '/app' },
  );

export const rotatedSecrets: Readonly<Record<string, Scenario>> = {
  'rotation-rotated-secret-get': asking(),
  'rotation-rotated-secret-after-rotate': after(rotate),
  'rotation-list-secrets-view': after(rotate),
  'rotation-patch-rotated-secret-value': asking(),
};
