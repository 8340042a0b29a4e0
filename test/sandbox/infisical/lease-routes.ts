/** The routes of dynamic secrets and their leases (contract 6). */
import { days, hours } from '../../../src/core/time.ts';
import { createLease, leaseIn, leasesOf, renewLease, revokeLease } from './leases.ts';
import { readLength } from './lengths.ts';
import { dynamicSecretIn, type Folder, folderOf, isIn, may, projectBySlug, requireRight } from './projects.ts';
import { type Asked, type Route, whoever } from './route.ts';
import { showLease, showSecret, showSecretBriefly } from './shapes.ts';
import { check, type Field, type Fields, type Input, path, said, text } from './validation.ts';
import type { World } from './world.ts';

const place: Fields = { projectSlug: text, environmentSlug: text, path };

/** The least and the greatest `ttl`; other texts that make no sense pass here and fail later, as on the server. */
const ttl = (world: World): Field => ({
  type: 'string',
  also(value) {
    if (value === '') return undefined;
    const length = readLength(value);
    const [most, words] = world.flavour === '2025' ? [hours(24), 'a day'] : [days(3650), '10 years'];
    if (length < world.minimumTtl) return 'TTL must be a greater than 1min';
    return length > most ? `TTL must be less than ${words}` : undefined;
  },
});

export const leaseRoutes: readonly Route[] = [
  {
    name: 'dynamic-secret-list',
    method: 'GET',
    pattern: /^\/api\/v1\/dynamic-secrets$/,
    auth: true,
    limit: 'read',
    handle(asked) {
      const folder = folderFrom(asked, check(asked.query, place), 'plain');
      const readable = may(whoever(asked), folder.project, 'read-root-credential');
      const found = [...asked.world.dynamicSecrets.values()].filter((secret) => readable && isIn(secret, folder));
      return { dynamicSecrets: found.map(showSecret) };
    },
  },
  {
    name: 'lease-list',
    method: 'GET',
    pattern: /^\/api\/v1\/dynamic-secrets\/([^/]+)\/leases$/,
    auth: true,
    limit: 'read',
    handle(asked) {
      const folder = folderFrom(asked, check(asked.query, place), 'slug');
      const secret = dynamicSecretIn(asked.world, folder, asked.parts[0] ?? '');
      requireRight(whoever(asked), folder.project, 'lease');
      return { leases: leasesOf(asked.world, secret).map(showLease) };
    },
  },
  {
    name: 'lease-create',
    method: 'POST',
    pattern: /^\/api\/v1\/dynamic-secrets\/leases$/,
    auth: true,
    limit: 'write',
    async handle(asked) {
      const input = check(asked.body, { dynamicSecretName: text, ...place, ttl: ttl(asked.world) });
      const folder = folderFrom(asked, input, 'slug');
      const wanted = { folder, name: said(input, 'dynamicSecretName'), ttl: said(input, 'ttl') };
      const { lease, data } = await createLease(asked.world, whoever(asked), wanted);
      return { lease: showLease(lease), dynamicSecret: showSecret(lease.secret), data };
    },
  },
  {
    name: 'lease-get',
    method: 'GET',
    pattern: /^\/api\/v1\/dynamic-secrets\/leases\/([^/]+)$/,
    auth: true,
    limit: 'read',
    handle(asked) {
      const folder = folderFrom(asked, check(asked.query, place), 'slug');
      const lease = leaseIn(asked.world, folder, asked.parts[0] ?? '', 'secret');
      requireRight(whoever(asked), folder.project, 'lease');
      return { lease: { ...showLease(lease), dynamicSecret: showSecretBriefly(lease.secret) } };
    },
  },
  {
    name: 'lease-renew',
    method: 'POST',
    pattern: /^\/api\/v1\/dynamic-secrets\/leases\/([^/]+)\/renew$/,
    auth: true,
    limit: 'write',
    async handle(asked) {
      const input = check(asked.body, { ...place, ttl: ttl(asked.world) });
      const lease = leaseIn(asked.world, folderFrom(asked, input, 'slug'), asked.parts[0] ?? '');
      await renewLease(asked.world, whoever(asked), lease, said(input, 'ttl'));
      return { lease: showLease(lease) };
    },
  },
  {
    name: 'lease-revoke',
    method: 'DELETE',
    pattern: /^\/api\/v1\/dynamic-secrets\/leases\/([^/]+)$/,
    auth: true,
    limit: 'write',
    async handle(asked) {
      const input = check(asked.body, { ...place, isForced: { type: 'boolean', fallback: false } });
      const lease = leaseIn(asked.world, folderFrom(asked, input, 'slug'), asked.parts[0] ?? '');
      await revokeLease(asked.world, whoever(asked), lease, input['isForced'] === true);
      return { lease: showLease(lease) };
    },
  },
];

function folderFrom(asked: Asked, input: Input, words: 'slug' | 'plain'): Folder {
  const project = projectBySlug(asked.world, whoever(asked), said(input, 'projectSlug'));
  return folderOf({ project, environment: said(input, 'environmentSlug'), path: said(input, 'path') }, words);
}
