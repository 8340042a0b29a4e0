/** The routes of the API that the sandbox has. */
import { poll } from './operations.ts';
import { payloadRoutes } from './payload-routes.ts';
import { type Route, route } from './route.ts';
import { secretRoutes } from './secret-routes.ts';
import { notFound } from './status.ts';
import { endpointRoutes, tokenRoutes } from './token-routes.ts';
import { versionRoutes } from './version-routes.ts';

export const routes: readonly Route[] = [
  ...secretRoutes,
  ...versionRoutes,
  ...payloadRoutes,
  ...tokenRoutes,
  ...endpointRoutes,
  route(
    {
      name: 'operation-get',
      host: 'operation',
      method: 'GET',
      pattern: /^\/operations\/([^/:]{1,50})$/,
      auth: true,
      input: 'path',
    },
    ({ world, parts }) => {
      const id = parts[0] ?? '';
      const operation = world.operations.get(id);
      if (operation === undefined) throw notFound(`Operation ${id}`);
      return poll(world, operation);
    },
  ),
];
