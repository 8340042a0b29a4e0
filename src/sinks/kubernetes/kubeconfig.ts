/** Reads a kubeconfig: one context of it, without running anything that it names. */
import { dirname, resolve } from 'node:path';
import { parse } from 'yaml';
import { z } from 'zod';
import { readCredential } from '../../config/credential.ts';
import { LeaseError } from '../../core/failure.ts';
import { providerUrl } from '../../http/address.ts';
import type { Pem } from '../../http/dispatcher.ts';
import type { Reach } from './reach.ts';

const text = z.string().min(1);

/** kubernetes.io/docs/reference/config-api/kubeconfig.v1. What is not listed is ignored, as kubectl does. */
const shape = z.object({
  'current-context': z.string().optional(),
  contexts: z
    .array(z.object({ name: text, context: z.object({ cluster: text, user: text, namespace: z.string().optional() }) }))
    .nullish(),
  clusters: z.array(z.object({ name: text, cluster: z.record(z.string(), z.unknown()) })).nullish(),
  users: z.array(z.object({ name: text, user: z.record(z.string(), z.unknown()).nullish() })).nullish(),
});

const clusterShape = z.object({
  server: text,
  'certificate-authority': text.optional(),
  'certificate-authority-data': text.optional(),
});

const userShape = z.object({
  token: text.optional(),
  tokenFile: text.optional(),
  'client-certificate': text.optional(),
  'client-certificate-data': text.optional(),
  'client-key': text.optional(),
  'client-key-data': text.optional(),
});

/** What would have to be done otherwise than kubectl does, and is therefore not done at all. */
const refusals: Readonly<Record<string, string>> = {
  'insecure-skip-tls-verify': 'anybody could answer in its place: give it certificate-authority',
  'proxy-url': 'say it by the environment variable HTTPS_PROXY',
  'tls-server-name': 'use an address that its certificate names',
  exec: 'leasekeeper runs no plugins: give it a token file or a client certificate',
  'auth-provider': 'it is gone from Kubernetes: give it a token file or a client certificate',
  username: 'passwords are gone from Kubernetes: give it a token file or a client certificate',
  as: 'use credentials of its own',
};

/** Throws `LeaseError` `invalid` where it does not say what we need, and names the place; never what stands there. */
export function reachIn(content: string, { path, context }: { path: string; context?: string | undefined }): Reach {
  const wrong = (what: string) => new LeaseError('invalid', `the kubeconfig ${path}: ${what}`);
  const as = <T>(schema: z.ZodType<T>, value: unknown, where: string): T => {
    const { success, data, error } = schema.safeParse(value);
    if (success) return data;
    const at = [where, ...(error.issues[0]?.path ?? [])].filter((step) => step !== '').join('.');
    throw wrong(`${at || 'its content'} is not what a kubeconfig has there`);
  };
  const refuse = (options: Readonly<Record<string, unknown>>, where: string) => {
    for (const [key, remedy] of Object.entries(refusals)) {
      if (options[key]) throw wrong(`${where}.${key} is not supported: ${remedy}`);
    }
  };
  const { contexts, clusters, users, ...file } = as(shape, yamlIn(content, wrong), '');
  const wanted = context ?? file['current-context'];
  if (!wanted) throw wrong('it has no current-context: say context:');
  const named = <T extends { name: string }>(all: readonly T[] | null | undefined, name: string, what: string): T => {
    const one = all?.find((candidate) => candidate.name === name);
    if (one) return one;
    throw wrong(`there is no ${what} ${JSON.stringify(name)}`);
  };
  const chosen = named(contexts, wanted, 'context').context;
  const cluster = named(clusters, chosen.cluster, 'cluster').cluster;
  const user = named(users, chosen.user, 'user').user ?? {};
  refuse(cluster, 'cluster');
  refuse(user, 'user');
  const { server, ...trust } = as(clusterShape, cluster, 'cluster');
  const proof = as(userShape, user, 'user');
  const address = providerUrl.safeParse(server);
  if (!address.success) throw wrong(`cluster.server: ${address.error.issues[0]?.message ?? 'not an address'}`);

  // Paths in it are meant from where it lies. Data stands before a file, and a file of a token before the token, as kubectl has it.
  const fileOf = (name: string | undefined) => (name === undefined ? undefined : resolve(dirname(path), name));
  const given = {
    ca: trust['certificate-authority-data'],
    cert: proof['client-certificate-data'],
    key: proof['client-key-data'],
  };
  const files = { ca: trust['certificate-authority'], cert: proof['client-certificate'], key: proof['client-key'] };
  const pem: Pem = Object.fromEntries(
    Object.entries(given).flatMap(([name, data]) => (data === undefined ? [] : [[name, Buffer.from(data, 'base64')]])),
  );
  const tls = Object.fromEntries(
    Object.entries(files).flatMap(([name, file]) => (file === undefined || name in pem ? [] : [[name, fileOf(file)]])),
  );
  const has = (name: keyof typeof given) => name in pem || name in tls;
  if (has('cert') !== has('key')) throw wrong('a client certificate needs both: client-certificate and client-key');
  const { token, tokenFile } = proof;
  if (token === undefined && tokenFile === undefined && !has('cert')) {
    throw wrong(`its user ${JSON.stringify(chosen.user)} has neither a token nor a client certificate`);
  }
  const readToken =
    tokenFile !== undefined
      ? () => readCredential({ file: fileOf(tokenFile) ?? '' }, {})
      : token !== undefined
        ? async () => token
        : undefined;
  return { url: address.data, tls, pem, namespace: chosen.namespace || undefined, token: readToken };
}

/** What the parser complains of may quote the file. */
function yamlIn(content: string, wrong: (what: string) => LeaseError): unknown {
  try {
    return parse(content, { logLevel: 'error' });
  } catch {
    throw wrong('it is no YAML');
  }
}
