/** How the Kubernetes API is reached: with the service account of our own pod, or as a kubeconfig says. */
import { join } from 'node:path';
import { readCredential } from '../../config/credential.ts';
import { LeaseError } from '../../core/failure.ts';
import { readGivenFile } from '../../given-file.ts';
import type { Pem, TlsFiles } from '../../http/dispatcher.ts';
import { reachIn } from './kubeconfig.ts';

export interface Reach {
  readonly url: string;
  readonly tls: TlsFiles;
  readonly pem?: Pem;
  /** Where nothing else is said. */
  readonly namespace?: string | undefined;
  /** As it is now. Absent: a client certificate says who we are. */
  readonly token?: (() => Promise<string>) | undefined;
}

export interface Where {
  readonly kubeconfig?: string | undefined;
  readonly context?: string | undefined;
}

/** Where every pod finds its service account (kubernetes.io/docs/tasks/run-application/access-api-from-pod). */
export const mounted = '/var/run/secrets/kubernetes.io/serviceaccount';

type Env = Readonly<Record<string, string | undefined>>;

/** Looked up anew for each call: the files may be replaced. Throws `LeaseError` that says what is missing where. */
export async function reach({ kubeconfig, context }: Where, env: Env, serviceAccount: string): Promise<Reach> {
  if (kubeconfig === undefined) return inCluster(env, serviceAccount);
  return reachIn(await read(kubeconfig, `the kubeconfig ${kubeconfig}`), { path: kubeconfig, context });
}

async function inCluster(env: Env, serviceAccount: string): Promise<Reach> {
  const host = env['KUBERNETES_SERVICE_HOST'];
  const port = env['KUBERNETES_SERVICE_PORT'] ?? '443';
  if (!host || !/^[A-Za-z0-9.:-]+$/.test(host) || !/^\d{1,5}$/.test(port)) {
    throw no('KUBERNETES_SERVICE_HOST is not set: outside of a cluster say kubeconfig:');
  }
  const at = (name: string) => join(serviceAccount, name);
  const token = () => readCredential({ file: at('token') }, {});
  const namespace = String(await readGivenFile(at('namespace')).catch(() => ''));
  return {
    url: `https://${host.includes(':') ? `[${host}]` : host}:${port}`,
    tls: { ca: at('ca.crt') },
    namespace: namespace.trim() || undefined,
    // Projected tokens live for an hour or less and are replaced in place: the file is read for each request.
    token,
  };
}

async function read(file: string, what: string): Promise<string> {
  try {
    return (await readGivenFile(file)).toString('utf8');
  } catch (error) {
    throw no(`${what} cannot be read: ${(error as Error).message}`);
  }
}

const no = (words: string): LeaseError => new LeaseError('unavailable', words);
