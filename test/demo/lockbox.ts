/** The demo's Lockbox: a password that is rotated, and a key whose version somebody schedules for destruction. */
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { LockboxBooks } from '../sandbox/yandex/books.ts';
import { aLockbox } from '../sandbox/yandex/builder.ts';
import type { LockboxSandbox } from '../sandbox/yandex/sandbox.ts';
import type { Verdict } from './verdict.ts';

export const rotated = 'report-password';
export const rescued = 'payments-key';

export interface DemoLockbox {
  readonly sandbox: LockboxSandbox;
  /** For `providers` and `secrets` of the configuration. */
  readonly provider: string;
  readonly secrets: string;
  /** Somebody schedules the destruction of the key's version. */
  attack(): void;
  /** In words, what happened, and what should not have. */
  verdict(): Promise<Verdict>;
}

const week = 7 * 86_400_000;

export async function startDemoLockbox(dir: string): Promise<DemoLockbox> {
  const sandbox = await aLockbox()
    .withSecret({ name: rotated, generated: { passwordKey: 'password', length: 24 } })
    .withSecret({ name: rescued, entries: { key: 'a-key-that-others-made' } })
    .start();
  const keyFile = join(dir, 'sa-key.json');
  await writeFile(keyFile, JSON.stringify(sandbox.account.keyFile), { mode: 0o600 });
  const { lockbox, payload, operation, iam, auth } = sandbox.endpoints;
  const pathOf = (name: string) => join(dir, 'secrets', `${name}.json`);
  return {
    sandbox,
    provider: `  yc:
    type: yandex
    auth: { method: service-account-key, keyFile: ${keyFile} }
    endpoints: { lockbox: "${lockbox}", payload: "${payload}", operation: "${operation}", iam: "${iam}", auth: "${auth}" }
`,
    secrets: `  ${rotated}:
    source: { type: yandex/lockbox, provider: yc, secretId: ${sandbox.secret(rotated).id}, poll: 5s, generate: { by: lockbox } }
    policy: { rotate: { every: 15s }, grace: 2s }
    sinks: [{ type: file, path: ${pathOf(rotated)}, format: json }]
  ${rescued}:
    source: { type: yandex/lockbox, provider: yc, secretId: ${sandbox.secret(rescued).id}, poll: 4s, onDestroyScheduled: cancel }
    sinks: [{ type: file, path: ${pathOf(rescued)}, format: json }]
`,
    attack: () => sandbox.control.scheduleDestruction(week, sandbox.secret(rescued).current()),
    async verdict() {
      const books = sandbox.books();
      const { versions, payloadReads } = books;
      const own = versions.filter(({ secret }) => secret === rotated);
      const cancelled = versions.flatMap((one) => one.cancelled).filter(({ by }) => by === 'keeper').length;
      const attacks = versions.flatMap((one) => one.scheduled).filter(({ by }) => by === 'somebody').length;
      const distinct = new Set(payloadReads.map(({ version }) => version)).size;
      const isHeld = async (name: string) => {
        const values = JSON.parse(await readFile(pathOf(name), 'utf8')) as Record<string, unknown>;
        return sandbox.control.versionsWith(values).some(({ secret, isCurrent }) => secret === name && isCurrent);
      };
      const faults = [
        cancelled < attacks && `${attacks - cancelled} versions were not rescued from their destruction`,
        payloadReads.length > distinct &&
          `${payloadReads.length - distinct} payloads were read although they had not changed`,
        !(await isHeld(rotated)) && 'the file of the password is not what Lockbox calls current',
        !(await isHeld(rescued)) && 'the file of the key is not what Lockbox calls current',
        books.troubles.length > 0 && `the Lockbox stand-in has a bug: ${books.troubles[0]}`,
      ].filter((fault) => fault !== false);
      const lines = [
        `passwords rotated          ${rotations(books)}`,
        `  old versions scheduled   ${own.filter(({ scheduled }) => scheduled.length > 0).length}`,
        `destructions by others     ${attacks}`,
        `  cancelled by us          ${cancelled}`,
        `polls / payloads read      ${books.counts['secret-get'] ?? 0} / ${payloadReads.length}`,
      ];
      const unseen = [
        rotations(books) === 0 && 'the password was never rotated',
        attacks === 0 && 'nobody scheduled a destruction',
      ].filter((what) => what !== false);
      return { lines, faults, unseen };
    },
  };
}

/** How often the password was made anew. */
export const rotations = ({ versions }: LockboxBooks): number =>
  versions.filter(({ secret, by }) => secret === rotated && by === 'keeper').length;
