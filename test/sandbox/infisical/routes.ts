/** The routes of the API that the sandbox has. */
import { leaseRoutes } from './lease-routes.ts';
import { loginRoutes } from './login-routes.ts';
import type { Route } from './route.ts';
import { secretRoutes } from './secret-routes.ts';
import { asDate } from './shapes.ts';
import { tokenRoutes } from './token-routes.ts';

export const routes: readonly Route[] = [
  ...tokenRoutes,
  ...loginRoutes,
  ...leaseRoutes,
  ...secretRoutes,
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
