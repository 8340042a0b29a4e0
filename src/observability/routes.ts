/** What is served on `http.listen`: probes and metrics, never a value. */
import type { Health } from './health.ts';
import { json, type Route, text } from './http.ts';
import type { Metrics } from './metrics.ts';

const one = '/readyz/';

/**
 * `/livez`: that it is answered at all shows that the event loop turns; nothing else may make it fail, least of all a
 * provider. `/readyz`: 503 with the reasons while not ready. `/readyz/SECRET`: one as JSON. `/metrics`: for Prometheus.
 */
export const observabilityRoutes =
  (health: Health, metrics: Metrics): Route =>
  async (path) => {
    if (path === '/livez') return text(200, 'alive');
    if (path === '/readyz') {
      const { isReady, reasons } = health.readiness();
      return isReady ? text(200, 'ready') : text(503, ['not ready', ...reasons].join('\n'));
    }
    if (path.startsWith(one)) {
      const name = decoded(path.slice(one.length));
      const found = name === undefined ? undefined : health.secret(name);
      return found && json(found.ready ? 200 : 503, found);
    }
    if (path === '/metrics') {
      const body = await metrics.render();
      return { status: 200, type: metrics.registry.contentType, body };
    }
    return undefined;
  };

const decoded = (part: string): string | undefined => {
  try {
    return decodeURIComponent(part);
  } catch {
    return undefined;
  }
};
