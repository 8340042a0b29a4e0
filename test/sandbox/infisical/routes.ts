/** The routes of the API that the sandbox has. */
import { leaseRoutes } from './lease-routes.ts';
import { type Route, whoever } from './route.ts';
import { asDate } from './shapes.ts';
import { listSecrets } from './static-secrets.ts';
import { tokenRoutes } from './token-routes.ts';
import { check, optionalText, path, said } from './validation.ts';

export const routes: readonly Route[] = [
  ...tokenRoutes,
  ...leaseRoutes,
  {
    name: 'static-secret-list',
    method: 'GET',
    pattern: /^\/api\/v3\/secrets\/raw$/,
    auth: true,
    limit: 'secrets',
    handle(asked) {
      const fields = {
        workspaceId: optionalText,
        workspaceSlug: optionalText,
        environment: optionalText,
        secretPath: path,
      };
      const input = check(asked.query, fields);
      const { workspaceId, workspaceSlug, environment } = asked.query;
      const viewSecretValue = asked.query['viewSecretValue'] !== 'false';
      const query = { workspaceId, workspaceSlug, environment, secretPath: said(input, 'secretPath'), viewSecretValue };
      return listSecrets(asked.world, whoever(asked), query);
    },
  },
  {
    name: 'status',
    method: 'GET',
    pattern: /^\/api\/status$/,
    auth: false,
    handle: ({ world }) => ({
      date: asDate(world.clock.now()),
      message: 'Ok',
      emailConfigured: false,
      inviteOnlySignup: true,
      redisConfigured: true,
      secretScanningConfigured: false,
    }),
  },
];
