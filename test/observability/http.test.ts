/** The small server on a real socket: methods, bad clients, addresses in use, and closing. */
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { afterEach, expect, test } from 'vitest';
import { type HttpServer, type Route, serveHttp, text } from '../../src/observability/http.ts';

const open: { servers: HttpServer[]; sockets: Socket[] } = { servers: [], sockets: [] };
afterEach(async () => {
  for (const socket of open.sockets.splice(0)) socket.destroy();
  await Promise.all(open.servers.splice(0).map((server) => server.close()));
});

async function serve(route: Route, onError: (error: unknown) => void = () => {}) {
  const server = await serveHttp({
    setting: 'http.listen',
    listen: { host: '127.0.0.1', port: 0 },
    route,
    onError,
    closeWithin: 200,
  });
  open.servers.push(server);
  return { server, url: `http://127.0.0.1:${server.address.port}/` };
}

async function dial(server: HttpServer): Promise<Socket> {
  const socket = connect(server.address.port, '127.0.0.1');
  open.sockets.push(socket);
  socket.on('error', () => {});
  await once(socket, 'connect');
  return socket;
}

const all = async (socket: Socket): Promise<string> => {
  let received = '';
  socket.on('data', (chunk) => {
    received += chunk;
  });
  await once(socket, 'close');
  return received;
};

test('GET has a body, HEAD has its length and none', async () => {
  const { url } = await serve(() => text(200, 'alive'));
  const got = await fetch(url);
  expect(await got.text()).toBe('alive\n');
  const head = await fetch(url, { method: 'HEAD' });
  expect([head.status, head.headers.get('content-length'), await head.text()]).toEqual([200, '6', '']);
});

test('any other method is refused before a route is asked', async () => {
  let asked = 0;
  const { url } = await serve(() => {
    asked += 1;
    return text(200, 'alive');
  });
  for (const method of ['POST', 'PUT', 'DELETE', 'OPTIONS', 'PATCH']) {
    const answer = await fetch(url, { method, ...(method === 'POST' && { body: 'x'.repeat(100_000) }) });
    expect([answer.status, answer.headers.get('allow')]).toEqual([405, 'GET, HEAD']);
  }
  expect(asked).toBe(0);
});

test('what a route throws is not shown to the asker', async () => {
  const errors: unknown[] = [];
  const failure = new Error('hunter2');
  const { url } = await serve(
    () => {
      throw failure;
    },
    (error) => errors.push(error),
  );
  const answer = await fetch(url);
  expect([answer.status, (await answer.text()).includes('hunter2')]).toEqual([500, false]);
  expect(errors).toEqual([failure]);
});

test('headers that are too long are refused, and the server lives on', async () => {
  const { server, url } = await serve(() => text(200, 'alive'));
  const socket = await dial(server);
  socket.write(`GET / HTTP/1.1\r\nHost: a\r\nX: ${'x'.repeat(10_000)}\r\n\r\n`);
  expect(await all(socket)).toMatch(/^HTTP\/1.1 431 /);
  expect((await fetch(url)).status).toBe(200);
});

test('nonsense is refused, and the server lives on', async () => {
  const { server, url } = await serve(() => text(200, 'alive'));
  const socket = await dial(server);
  socket.write('\x16\x03\x01\x02\x00\x01\x00\x01\r\n\r\n');
  expect(await all(socket)).toMatch(/^HTTP\/1.1 400 /);
  expect((await fetch(url)).status).toBe(200);
});

test('an address in use is a clear error', async () => {
  const { server } = await serve(() => text(200, 'alive'));
  const again = serveHttp({ setting: 'http.listen', listen: server.address, route: () => undefined });
  await expect(again).rejects.toThrow(
    `http.listen 127.0.0.1:${server.address.port}: another program listens there already`,
  );
});

test('an address of another machine is a clear error', async () => {
  const elsewhere = serveHttp({
    setting: 'http.listen',
    listen: { host: '192.0.2.1', port: 0 },
    route: () => undefined,
  });
  await expect(elsewhere).rejects.toThrow('http.listen 192.0.2.1:0: this machine does not have that address');
});

test('closing answers the request under way, ends idle connections, and frees the address', async () => {
  let release = () => {};
  let isAsked = () => {};
  const asked = new Promise<void>((resolve) => {
    isAsked = resolve;
  });
  const { server, url } = await serve(async (path) => {
    if (path === '/fast') return text(200, 'fast');
    await new Promise<void>((resolve) => {
      release = resolve;
      isAsked();
    });
    return text(200, 'slow');
  });
  await (await fetch(`${url}fast`)).text();
  const slow = fetch(url);
  await asked;
  const closing = server.close();
  release();
  expect(await (await slow).text()).toBe('slow\n');
  await closing;
  const next = await serveHttp({ setting: 'http.listen', listen: server.address, route: () => undefined });
  await next.close();
});

test('closing does not wait for a request that is never sent to its end, nor for an answer that never comes', async () => {
  let isAsked = () => {};
  const asked = new Promise<void>((resolve) => {
    isAsked = resolve;
  });
  const { server } = await serve(() => {
    isAsked();
    return new Promise(() => {});
  });
  const half = await dial(server);
  half.write('GET / HTTP/1.1\r\nHost: a\r\n');
  const hanging = await dial(server);
  hanging.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
  await asked;
  const ended = [once(half, 'close'), once(hanging, 'close')];
  await Promise.all([server.close(), server.close()]);
  await Promise.all(ended);
  // Without the limit they would be closed by the timeouts of requests, which are longer.
}, 4500);
