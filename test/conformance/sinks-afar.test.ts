/** The sink suite on those that speak to somebody: a webhook, a command, a Redis. */
import { rmSync } from 'node:fs';
import { afterAll, beforeAll } from 'vitest';
import { aRedis, type RedisServer } from '../support/redis.ts';
import { execFixture } from './fixtures/sink-exec.ts';
import { aDirectory } from './fixtures/sink-process.ts';
import { redisFixture } from './fixtures/sink-redis.ts';
import { webhookFixture } from './fixtures/sink-webhook.ts';
import { sinkSuite } from './sink-suite.ts';

const directory = aDirectory();
let redis: RedisServer;
beforeAll(async () => {
  redis = await aRedis({ tcp: true });
});
afterAll(async () => {
  await redis.stop();
  rmSync(directory, { recursive: true });
});

sinkSuite('webhook', webhookFixture(directory));
sinkSuite('exec', execFixture(directory));
sinkSuite(
  'redis, as a hash',
  redisFixture(() => redis, 'hash'),
);
sinkSuite(
  'redis, as one text',
  redisFixture(() => redis, 'string'),
);
