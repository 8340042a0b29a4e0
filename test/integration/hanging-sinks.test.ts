/** The daemon with more programs and receivers that hang than it does things at a time: nobody else is late by them. */
import { execFileSync } from 'node:child_process';
import { open, rm, writeFile } from 'node:fs/promises';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { signingKey } from '../conformance/fixtures/sink-webhook.ts';
import { aSandbox } from '../sandbox/infisical/builder.ts';
import { type Daemon, textOf } from '../support/daemon.ts';
import { aStage, eventually, type Stage, valuesIn } from '../support/stage.ts';

let stage: Stage | undefined;
/** Has all that hang come to their end, so that the daemon can. */
let release: (() => Promise<unknown>) | undefined;
afterEach(async (context) => {
  await release?.();
  await stage?.close(context);
  stage = release = undefined;
});

const count = 60;
const lives = { type: 'redis', defaultTTL: '10m', maxTTL: '1h' } as const;
const aCrowdedStage = () =>
  aStage(
    aSandbox()
      .withDynamicSecret({ name: 'orders-db', ...lives })
      .withDynamicSecret({ name: 'crowd-db', ...lives }),
  );

/** Beside the secret with a file that works, another with sixty sinks that do not. */
function aDaemon(one: Stage, sinkOf: (i: number) => string): Promise<Daemon> {
  const sinks = Array.from({ length: count }, (_, i) => `      - ${sinkOf(i)}\n`).join('');
  const secrets = `  crowd-db:
    source: { type: infisical/dynamic-secret, provider: infisical-main, project: shop, environment: prod, name: crowd-db }
    sinks:\n${sinks}`;
  return one.daemon({ config: one.configuration({ reload: '', secrets }) });
}

/** All of the crowd hang, and what somebody deletes is there again all the same. */
async function isHealed({ file }: Stage, daemon: Daemon, hanging: () => number): Promise<void> {
  await eventually('all of them hang', () => hanging() === count);
  await eventually('the file is there', () => textOf(file) !== undefined);
  const before = await valuesIn(file);
  await rm(file);
  daemon.signal('SIGUSR2');
  await eventually('the file is back', () => textOf(file) !== undefined);
  expect(await valuesIn(file)).toEqual(before);
  expect(hanging()).toBe(count);
}

test('sixty programs that hang when they are told hold up no file', async () => {
  stage = await aCrowdedStage();
  const { dir } = stage;
  const [begun, door] = [join(dir, 'begun'), join(dir, 'door')];
  execFileSync('mkfifo', [door]);
  release = async () => {
    const opened = await open(door, 'r+');
    // Who comes now finds nobody who could let it wait.
    await rm(door);
    await opened.close();
  };
  const hook = `{ exec: [sh, -c, "echo >> ${begun}; read -r line < ${door}"], timeout: 1m }`;
  const daemon = await aDaemon(
    stage,
    (i) => `{ type: file, path: ${join(dir, 'secrets', `${i}`)}, format: json, reload: [${hook}] }`,
  );
  await isHealed(stage, daemon, () => (textOf(begun) ?? '').length);
});

test('sixty receivers that do not answer hold up no file', async () => {
  stage = await aCrowdedStage();
  const { dir } = stage;
  const sockets = new Set<Socket>();
  const asked = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('data', () => asked.add(socket));
    socket.on('error', () => undefined);
  }).listen(0, '127.0.0.1');
  release = async () => {
    server.close();
    for (const socket of sockets) socket.destroy();
  };
  await writeFile(join(dir, 'key'), signingKey);
  const url = () => `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const key = `{ file: ${join(dir, 'key')} }`;
  const daemon = await aDaemon(
    stage,
    (i) => `{ type: webhook, name: hook${i}, url: "${url()}/${i}", signingKey: ${key}, timeout: 30s }`,
  );
  await isHealed(stage, daemon, () => asked.size);
});
