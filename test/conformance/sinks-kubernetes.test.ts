/** The sink suite on Secrets of Kubernetes, over TLS and with the service account of a pod. */
import { afterAll, beforeAll } from 'vitest';
import { type Certificates, certificates } from '../sources/certificates.ts';
import { aKubernetesSubject, spoils, troubles } from './fixtures/sink-kubernetes.ts';
import { sinkSuite } from './sink-suite.ts';

let made: Certificates;
let tls: { key: Buffer; cert: Buffer; ca: Buffer };
beforeAll(async () => {
  made = await certificates();
  const authority = await made.authority('cluster');
  const { key, cert } = await authority.issue('apiserver', 'IP:127.0.0.1');
  tls = { key, cert, ca: authority.ca.cert };
});
afterAll(() => made.remove());

sinkSuite('kubernetes-secret', { open: () => aKubernetesSubject(tls), rewrites: 150, troubles, spoils });
