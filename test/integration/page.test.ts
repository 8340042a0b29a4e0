/** The status page of a real daemon in a real browser: it loads, lives, and can be used by everybody. */
import type { Browser } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { pageAssets } from '../../build-page.mjs';
import { hours, minutes } from '../../src/core/time.ts';
import { type HttpServer, serveHttp } from '../../src/observability/http.ts';
import { createPage } from '../../src/observability/page/page.ts';
import { aLease, held, recordOf } from '../core/build.ts';
import { aSubject, changed, steeredTime } from '../observability/build.ts';
import { aBrowser, visit } from '../support/browser.ts';
import { freePort } from '../support/ports.ts';
import { aStage, isDelivered, type Stage, valuesIn } from '../support/stage.ts';

let browser: Browser;
beforeAll(async () => {
  browser = await aBrowser();
});
afterAll(() => browser?.close());

describe('of a daemon', () => {
  let stage: Stage | undefined;
  afterEach(async (context) => {
    await stage?.close(context);
    stage = undefined;
  });

  test('shows what it keeps, is told of a renewal while somebody looks, and says when the daemon is gone', async () => {
    stage = await aStage();
    const port = await freePort();
    const page = `127.0.0.1:${port}`;
    const daemon = await stage.daemon({ config: stage.configuration({ page: `"${page}"`, reload: '' }) });
    await isDelivered(stage);
    const visitor = await visit(browser, `http://${page}/`);
    const row = visitor.page.locator('.secret', { hasText: 'orders-db' });
    await row.getByRole('button').click();
    await row.getByText('renewed, because it was due').first().waitFor();
    await row.getByText(/took a new lease, because its end was near/).waitFor();
    await visitor.page.locator('#feed', { hasText: 'live' }).waitFor();

    const told = await (await fetch(`http://${page}/api/status`)).text();
    const html = await visitor.page.content();
    for (const value of Object.values(await valuesIn(stage.file))) {
      expect(told).not.toContain(value);
      expect(html).not.toContain(value);
    }
    expect(visitor.complaints).toEqual([]);

    await daemon.stop();
    const history = await stage.daemon({ command: 'history', args: ['orders-db'], config: stage.configuration() });
    expect(await history.exited).toBe(0);
    for (const words of ['logged in', 'took a new lease, because nothing was held', 'renewed, because it was due']) {
      expect(history.lines.some((line) => line.includes(words))).toBe(words !== 'logged in');
    }
    await visitor.page.locator('#feed', { hasText: 'no word from the daemon' }).waitFor();
    expect(await visitor.page.locator('#summary').textContent()).toMatch(
      /^The daemon is not heard of since .*What it said then:$/,
    );
    expect(await visitor.page.title()).toBe('(stale) leasekeeper');
    const next = await stage.daemon({ config: stage.configuration({ page: `"${page}"`, reload: '' }) });
    await visitor.page.locator('#feed', { hasText: 'live' }).waitFor();
    await visitor.page.locator('#daemon', { hasText: `pid ${next.pid}` }).waitFor();
    await visitor.page.context().close();
  });

  test('an address that is taken costs the page, and nothing else', async () => {
    stage = await aStage();
    const taken = await serveHttp({
      setting: 'page.listen',
      listen: { host: '127.0.0.1', port: 0 },
      route: () => undefined,
    });
    const { port } = taken.address;
    const daemon = await stage.daemon({ config: stage.configuration({ page: `"127.0.0.1:${port}"`, reload: '' }) });
    await isDelivered(stage);
    const line = await daemon.logged(({ msg }) => String(msg).includes('there is no status page'));
    expect(line).toMatchObject({ level: 'warn', msg: expect.stringContaining(`page.listen 127.0.0.1:${port}`) });
    await taken.close();
  });
});

describe('of a thousand secrets', () => {
  let server: HttpServer | undefined;
  afterEach(async () => {
    await server?.close();
    server = undefined;
  });

  /** The page of the bundle, before secrets that are made up; each tenth has been dead for a while. */
  async function aThousand(count = 1_000): Promise<{ url: string; renew(name: string): void }> {
    const time = steeredTime(hours(2));
    const wall = { now: () => Date.now() };
    const page = createPage({
      clock: time.clock,
      wall,
      timer: (length, fn) => {
        const handle = setTimeout(fn, length);
        return () => clearTimeout(handle);
      },
      host: '127.0.0.1',
      assets: await pageAssets(),
      daemon: () => ({
        version: '1.2.3',
        host: 'node-a',
        pid: 7,
        startedAt: wall.now() - hours(5),
        isReady: true,
        isRedisUp: true,
      }),
    });
    for (let number = 0; number < count; number += 1) {
      const secret = `secret-${number}`;
      page.watch(aSubject(time.clock, { name: secret }));
      const isDead = number % 10 === 3;
      const lease = aLease({ expiresAt: isDead ? minutes(100) : hours(3) + minutes(number), maxExpiresAt: hours(40) });
      page.listen(changed(recordOf(held(lease, { termStart: minutes(isDead ? 60 : 110) })), secret));
    }
    server = await serveHttp({ setting: 'page.listen', listen: { host: '127.0.0.1', port: 0 }, route: page.route });
    const renew = (name: string) => {
      page.listen(changed(recordOf(held(aLease({ expiresAt: hours(9) }), { termStart: hours(2) })), name));
    };
    return { url: `http://127.0.0.1:${server.address.port}/`, renew };
  }

  test('is searched, sorted by urgency and narrowed down by state, with the keyboard alone', async () => {
    const { url, renew } = await aThousand();
    const { page, complaints } = await visit(browser, url);
    const rows = page.locator('.secret');
    await page.getByText('100 expired, of 1000 secrets.').waitFor();
    expect(await rows.first().getAttribute('data-state')).toBe('expired');
    await page.keyboard.press('/');
    await page.keyboard.type('secret-77');
    await expect.poll(() => rows.count()).toBe(11);
    await page.keyboard.press('Escape');
    await expect.poll(() => rows.count()).toBe(1_000);
    await page.locator('#filters').getByRole('button', { name: 'expired 100' }).focus();
    await page.keyboard.press('Enter');
    await expect.poll(() => rows.count()).toBe(100);
    const first = rows.first().getByRole('button');
    await first.focus();
    await page.keyboard.press('Enter');
    expect(await first.getAttribute('aria-expanded')).toBe('true');
    await rows.first().getByRole('heading', { name: 'Leases' }).waitFor();
    renew('secret-3');
    await page.getByText('99 expired, of 1000 secrets.').waitFor();
    expect(complaints).toEqual([]);
    await page.context().close();
  });

  for (const colorScheme of ['light', 'dark'] as const) {
    test(`is usable by who does not see it as we do: ${colorScheme}, closed and opened`, async () => {
      const { url } = await aThousand(20);
      const visitor = await visit(browser, url, { colorScheme });
      await visitor.page.locator('.secret').first().waitFor();
      expect(await visitor.faults()).toEqual([]);
      await visitor.page.locator('.secret > button').first().click();
      await visitor.page.locator('.secret > button').last().click();
      expect(await visitor.faults()).toEqual([]);
      await visitor.page.context().close();
    });
  }

  test('fits a phone: nothing has to be pushed sideways', async () => {
    const { url } = await aThousand(20);
    const { page } = await visit(browser, url, { viewport: { width: 360, height: 740 }, isMobile: true });
    await page.locator('.secret > button').first().click();
    const [inside, outside] = (await page.evaluate(
      '[document.documentElement.scrollWidth, document.documentElement.clientWidth]',
    )) as [number, number];
    expect(inside).toBeLessThanOrEqual(outside);
    await page.context().close();
  });
});
