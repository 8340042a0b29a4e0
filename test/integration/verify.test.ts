/** The daemon has new values proven by a command and by a server, and tells a program by its name. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, copyFile, readFile, stat, writeFile } from 'node:fs/promises';
import type { RequestListener } from 'node:http';
import { join } from 'node:path';
import { afterEach, expect, onTestFinished, test } from 'vitest';
import { aSandbox } from '../sandbox/infisical/builder.ts';
import { serve } from '../sources/servers.ts';
import { aStage, eventually, isDelivered, type Stage, valuesIn } from '../support/stage.ts';

let stage: Stage | undefined;
afterEach(async (context) => {
  await stage?.close(context);
  stage = undefined;
});

const longLives = () =>
  aSandbox().withDynamicSecret({ name: 'orders-db', type: 'redis', defaultTTL: '5m', maxTTL: '1h' });

/** A shell under a name of its own, which says when it is told. */
async function aProgram(dir: string, name: string) {
  const path = join(dir, name);
  await copyFile('/bin/sh', path);
  const child = spawn(path, ['-c', 'trap "echo told" HUP; echo ready; while :; do sleep 0.05 & wait $!; done'], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  onTestFinished(async () => {
    child.kill('SIGKILL');
    await once(child, 'exit');
  });
  let text = '';
  child.stdout.on('data', (chunk) => {
    text += chunk;
  });
  await once(child.stdout, 'data');
  return () => text.split('told').length - 1;
}

test('a lease that a command refuses is ended and another one taken; the one that it lets pass is delivered, and its program told by name', async () => {
  stage = await aStage(longLives());
  const { dir, file, sandbox } = stage;
  const [check, given, good] = ['check', 'given', 'good'].map((name) => join(dir, name)) as [string, string, string];
  await writeFile(check, `#!/bin/sh\ncat > ${given}\ntest -e ${good} || exit 2\n`);
  await chmod(check, 0o755);
  const name = `lk${process.pid}orders`;
  const timesTold = await aProgram(dir, name);
  const reload = `    verify: { exec: [${check}] }\n    reload: [{ signal: SIGHUP, process: ${name} }]`;
  const daemon = await stage.daemon({ config: stage.configuration({ reload }) });
  const line = await daemon.logged(({ msg }) => String(msg).includes('rejected the new lease'));
  expect(line).toMatchObject({ level: 'error', act: 'verify', outcome: 'invalid' });
  expect(String(line['msg'])).toContain('exit code 2');
  await expect(stat(file)).rejects.toThrow();
  const [first] = sandbox.books().leases;
  await eventually('it is ended', () => sandbox.books().leases[0]?.endedAt !== undefined);
  await writeFile(good, '');
  await isDelivered(stage);
  const values = await valuesIn(file);
  expect(values['REDIS_USER']).not.toBe(first?.username);
  expect(JSON.parse(await readFile(given, 'utf8'))).toMatchObject({
    DB_USERNAME: values['REDIS_USER'],
    DB_PASSWORD: values['REDIS_PASSWORD'],
  });
  await eventually('its program is told', () => timesTold() === 1);
  expect(daemon.lines.join('\n')).not.toContain(String(values['REDIS_PASSWORD']));
});

test('a server that hangs, cuts and fails has not refused a lease: it is asked again until it answers', async () => {
  stage = await aStage(longLives());
  const shown: (string | undefined)[] = [];
  const moods: RequestListener[] = [
    () => undefined,
    (request) => request.socket.destroy(),
    (_, response) => response.writeHead(503).end(),
    (_, response) => response.writeHead(429).end(),
  ];
  const server = await serve((request, response) => {
    shown.push(request.headers.authorization);
    const mood = moods.shift();
    if (mood) mood(request, response);
    else response.writeHead(204).end();
  });
  onTestFinished(() => server.close());
  const keys = 'basic: { username: DB_USERNAME, password: DB_PASSWORD }';
  const reload = `    verify: { http: "${server.url}/login", ${keys}, timeout: 1s }`;
  await stage.daemon({ config: stage.configuration({ reload }) });
  await isDelivered(stage);
  const values = await valuesIn(stage.file);
  const pair = Buffer.from(`${values['REDIS_USER']}:${values['REDIS_PASSWORD']}`).toString('base64');
  expect(shown).toEqual(Array(5).fill(`Basic ${pair}`));
  expect(stage.sandbox.books().leases).toHaveLength(1);
});
