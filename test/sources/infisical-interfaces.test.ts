/** Which of its interfaces an Infisical is asked for static secrets by: what it has said once is not asked for again. */
import { expect, it } from 'vitest';
import { ProviderBlocked } from '../../src/core/failure.ts';
import type { HttpAnswer } from '../../src/sources/http-client.ts';
import type { Asking } from '../../src/sources/infisical/client.ts';
import { type Interfaces, secretCalls } from '../../src/sources/infisical/secret-place.ts';

const noRoute: HttpAnswer = {
  status: 404,
  json: { message: 'Route GET:/api/v4/secrets not found', error: 'Not Found', statusCode: 404 },
  sentAt: 0,
};
const nothing: HttpAnswer = { status: 200, json: { secrets: [], imports: [] }, sentAt: 0 };

function calling(answers: Readonly<Record<'v3' | 'v4', HttpAnswer | Error>>) {
  const asked: string[] = [];
  const client = {
    clock: { now: () => 0 },
    withToken: async ({ path }: { readonly path: string }) => {
      const version = path.startsWith('/api/v4') ? 'v4' : 'v3';
      asked.push(version);
      const answer = answers[version];
      if (answer instanceof Error) throw answer;
      return answer;
    },
  } as unknown as Asking;
  const interfaces: Interfaces = { isOld: false };
  const list = (change: Partial<typeof answers> = {}) => {
    Object.assign(answers, change);
    const place = { projectId: 'p', environment: 'prod', secretPath: '/', recursive: false, imports: true };
    return secretCalls(client, { ...place, expandReferences: true }, interfaces).list(
      undefined,
      AbortSignal.timeout(1000),
    );
  };
  return { asked, interfaces, list };
}

it('an interface that is not there is asked for once, also where the other may not be asked just then', async () => {
  const { asked, list } = calling({ v4: noRoute, v3: new ProviderBlocked('RetryAfter', 60_000) });
  await expect(list()).rejects.toThrow(ProviderBlocked);
  await expect(list({ v3: nothing })).resolves.toBeDefined();
  expect(asked).toEqual(['v4', 'v3', 'v3']);
});

it('an older interface that is there no more is followed by the newer one, also where that may not be asked just then', async () => {
  const { asked, list } = calling({ v4: noRoute, v3: nothing });
  await list();
  await expect(list({ v3: noRoute, v4: new ProviderBlocked('RetryAfter', 60_000) })).rejects.toThrow(ProviderBlocked);
  await expect(list({ v4: nothing })).resolves.toBeDefined();
  expect(asked).toEqual(['v4', 'v3', 'v3', 'v4', 'v4']);
});

it('a server that has neither is asked for both, each time', async () => {
  const { asked, list } = calling({ v4: noRoute, v3: noRoute });
  for (let i = 0; i < 2; i++) await expect(list()).rejects.toThrow(/no such endpoint/);
  expect(asked.toSorted()).toEqual(['v3', 'v3', 'v4', 'v4']);
});
