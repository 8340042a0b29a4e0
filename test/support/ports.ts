/** Finds a port of the loopback that nobody uses at the moment. */
import { createServer } from 'node:net';

/**
 * A free TCP port on 127.0.0.1. Somebody else may take it before the caller does; where the caller can listen on port 0
 * itself and read the port back, that is better.
 */
export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const probe = createServer();
    probe.once('error', reject);
    probe.listen(0, '127.0.0.1', () => {
      const address = probe.address();
      if (address === null || typeof address === 'string') return reject(new Error('a TCP listener has no port'));
      probe.close(() => resolve(address.port));
    });
  });
}
