/** Two secrets in one file, by the real daemon: killed, started again, reconfigured, and given a template that fails. */
import { readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { aSandbox } from '../sandbox/infisical/builder.ts';
import { aStage, eventually, isDelivered, metric, type Stage, valuesIn } from '../support/stage.ts';

let stage: Stage | undefined;
afterEach(async (context) => {
  await stage?.close(context);
  stage = undefined;
});

test('is written once, left alone by a kill and a restart, and never by a template that cannot be filled', async () => {
  const lives = { type: 'redis', defaultTTL: '10m', maxTTL: '1h' } as const;
  stage = await aStage(
    aSandbox()
      .withDynamicSecret({ name: 'orders-db', ...lives })
      .withDynamicSecret({ name: 'other-db', ...lives }),
  );
  const { dir, sandbox } = stage;
  const both = join(dir, 'secrets', 'both.env');
  const told = join(dir, 'told');
  const template = (line: string) => `    template: |
      ORDERS={{ orders-db.DB_PASSWORD | shell }}
      OTHER={{ other-db.DB_PASSWORD | shell }}
${line}`;
  const config = stage.configuration({
    reload: '',
    secrets: `  other-db:
    source: { type: infisical/dynamic-secret, provider: infisical-main, project: shop, environment: prod, name: other-db }
outputs:
  both:
    from: [orders-db, other-db]
    type: file
    path: ${both}
    format: template
    reload: [{ exec: [sh, -c, "echo told >> ${told}"] }]
${template('')}`,
  });
  let daemon = await stage.daemon({ config });
  await isDelivered(stage);
  const tellings = async () => (await readFile(told, 'utf8').catch(() => '')).split('\n').filter(Boolean).length;
  await eventually('its program is told', async () => (await tellings()) > 0);
  await eventually(
    'nothing is owed',
    async () => (await metric(stage as Stage, 'leasekeeper_delivery_owed{secret="other-db",sink="both"}')) === 0,
  );
  const first = await stat(both, { bigint: true });
  const values = await valuesIn(both);
  expect(Object.keys(values)).toEqual(['ORDERS', 'OTHER']);

  await daemon.kill();
  daemon = await stage.daemon({ config });
  await isDelivered(stage);
  await eventually(
    'nothing is owed',
    async () => (await metric(stage as Stage, 'leasekeeper_delivery_owed{secret="orders-db",sink="both"}')) === 0,
  );
  const second = await stat(both, { bigint: true });
  expect([second.ino, second.mtimeNs]).toEqual([first.ino, first.mtimeNs]);
  expect(await tellings()).toBe(1);
  expect(sandbox.books().leases).toHaveLength(2);

  const hangUp = async (line: string) => {
    await writeFile(join(dir, 'leasekeeper.yaml'), config.replace(template(''), template(line)));
    const said = daemon.log.length;
    daemon.signal('SIGHUP');
    await daemon.logged(({ msg }) => String(msg).includes('is taken over'), said);
    return said;
  };
  await hangUp('      MORE=1\n');
  await eventually('it is written by the new template', async () => (await valuesIn(both))['MORE'] === '1');
  expect(await valuesIn(both)).toEqual({ ...values, MORE: '1' });
  await eventually('its program is told once more', async () => (await tellings()) === 2);

  const said = await hangUp('      KEY={{ other-db.DB_PASSWORD | pem }}\n');
  await daemon.logged(({ msg }) => String(msg).includes('the filter pem cannot take that value'), said);
  expect(await valuesIn(both)).toEqual({ ...values, MORE: '1' });
  expect(await daemon.stop()).toBe(0);
  for (const value of [values['ORDERS'], values['OTHER']]) {
    expect(value?.length).toBeGreaterThan(8);
    expect(daemon.lines.filter((line) => line.includes(value ?? ''))).toEqual([]);
  }
});
