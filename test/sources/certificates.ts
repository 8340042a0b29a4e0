/** Certificates for tests, made anew each time with the openssl of this machine. */
import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

export interface Certificate {
  readonly certFile: string;
  readonly keyFile: string;
  readonly cert: Buffer;
  readonly key: Buffer;
}

export interface Authority {
  readonly ca: Certificate;
  issue(name: string, ...alternativeNames: readonly string[]): Promise<Certificate>;
}

export interface Certificates {
  readonly folder: string;
  authority(name: string): Promise<Authority>;
  remove(): Promise<void>;
}

export async function certificates(): Promise<Certificates> {
  const folder = await mkdtemp(join(tmpdir(), 'leasekeeper-certificates-'));
  const ec = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
  const at = (name: string) => ({ certFile: join(folder, `${name}.pem`), keyFile: join(folder, `${name}.key`) });
  const load = async (files: { certFile: string; keyFile: string }): Promise<Certificate> => ({
    ...files,
    cert: await readFile(files.certFile),
    key: await readFile(files.keyFile),
  });
  return {
    folder,
    async authority(name) {
      const ca = at(name);
      const subject = ['-subj', `/CN=${name}`, '-days', '2'];
      await run('openssl', ['req', '-x509', ...ec, ...subject, '-keyout', ca.keyFile, '-out', ca.certFile]);
      return {
        ca: await load(ca),
        async issue(who, ...names) {
          const files = at(`${name}-${who}`);
          const request = join(folder, `${name}-${who}.csr`);
          const extensions = join(folder, `${name}-${who}.ext`);
          await run('openssl', ['req', ...ec, '-subj', `/CN=${who}`, '-keyout', files.keyFile, '-out', request]);
          await writeFile(extensions, names.length > 0 ? `subjectAltName=${names.join(',')}\n` : '');
          const signing = ['-CA', ca.certFile, '-CAkey', ca.keyFile, '-CAcreateserial', '-days', '2'];
          await run('openssl', [
            'x509',
            '-req',
            '-in',
            request,
            ...signing,
            '-extfile',
            extensions,
            '-out',
            files.certFile,
          ]);
          return load(files);
        },
      };
    },
    remove: () => rm(folder, { recursive: true, force: true }),
  };
}
