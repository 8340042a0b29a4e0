/** The search that the canary rests on finds what it is to find. */
import { Redis } from 'ioredis';
import { expect, test } from 'vitest';
import { aRedis } from '../support/redis.ts';
import { everythingIn, placesWith } from '../support/traces.ts';

test('what was in Redis for a moment, and deleted since, is found; and what is there still', async (context) => {
  const server = await aRedis({ args: ['--appendonly', 'yes'] });
  context.onTestFinished(() => server.stop());
  const redis = new Redis({ path: server.socket });
  await redis.set('kept', 'a-value-that-stayed');
  await redis.hset('job', 'data', JSON.stringify({ password: 'a-"value" that was "brief"' }));
  await redis.del('job');
  redis.disconnect();
  const everything = { Redis: await everythingIn(server.socket) };
  expect(placesWith(['a-value-that-stayed'], everything)).not.toEqual([]);
  expect(placesWith(['a-"value" that was "brief"'], everything)).not.toEqual([]);
  expect(placesWith(['a-value-that-never-was'], everything)).toEqual([]);
});

test('nothing is said of a Redis whose log was written anew before: nobody knows what it held', async (context) => {
  const server = await aRedis({ args: ['--appendonly', 'yes'] });
  context.onTestFinished(() => server.stop());
  await everythingIn(server.socket);
  await expect(everythingIn(server.socket)).rejects.toThrow('was written anew before');
});
