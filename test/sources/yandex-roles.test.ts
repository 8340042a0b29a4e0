/** Which role is missing, as far as the API tells: a refusal has the same code for the secret and for its key. */
import { expect, it } from 'vitest';
import type { Role } from '../sandbox/yandex/spec.ts';
import { anAcquire, call, connections, withTwo } from './yandex-connected.ts';

const start = connections();

const viewer = 'lockbox.viewer';
const payloadViewer = 'lockbox.payloadViewer';
const editor = 'lockbox.editor';
const ofKey = 'kms.keys.encrypterDecrypter';
const withKey = withTwo.withSecret({
  name: 'db-with-key',
  id: 'e6qkey',
  kmsKeyId: 'abjkmskey00000000001',
  entries: { password: 'first' },
});

/** The roles that are named in what an acquire is refused with. */
async function missing(secretId: string, granted: readonly Role[], how: 'follow' | 'rotate', at = withKey) {
  const connected = await start(at);
  const source = connected.secret({ secretId, ...(how === 'rotate' && { generate: { by: 'leasekeeper' } }) });
  const first = how === 'rotate' ? await source.acquire(anAcquire()) : undefined;
  connected.sandbox.control.setRoles(granted);
  const error = await source
    .acquire({ ...call, key: crypto.randomUUID(), ...(first && { predecessor: first.lease }) })
    .catch((refused: Error & { code?: string }) => refused);
  expect(error).toMatchObject({ code: 'invalid' });
  return (error as Error).message.match(/(lockbox|kms\.keys)\.[a-zA-Z]+/g);
}

it.each([
  ['the metadata', 'e6qkey', [payloadViewer], [viewer]],
  ['the payload of a secret without a key', 'e6qdb', [viewer], [payloadViewer]],
  // Either says no with the same words.
  ['the payload of a secret with a key', 'e6qkey', [viewer, ofKey], [payloadViewer, ofKey]],
  ['the payload of a secret whose key may not be used', 'e6qkey', [viewer, payloadViewer], [payloadViewer, ofKey]],
] as const)('who may not read %s is told what is missing', async (_, secretId, granted, named) => {
  expect(await missing(secretId, granted, 'follow')).toEqual(named);
});

const all = [viewer, payloadViewer, editor, ofKey] as const;
const without = (role: Role) => all.filter((one) => one !== role);

it('who may not edit a secret is told of that role, and of none on a key that there is not', async () => {
  expect(await missing('e6qdb', without(editor), 'rotate')).toEqual([editor]);
  expect(await missing('e6qkey', without(editor), 'rotate')).toEqual([editor, ofKey]);
});

it('who may not use the key is told so where that is said of an operation that was accepted', async () => {
  expect(await missing('e6qkey', without(ofKey), 'rotate')).toEqual([ofKey]);
  const atOnce = withKey.assuming({ kmsRefusal: 'answer' });
  expect(await missing('e6qkey', without(ofKey), 'rotate', atOnce)).toEqual([editor, ofKey]);
});
