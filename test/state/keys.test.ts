/** The keys: where they come from, what is no key, and that one that is made is on disk before it is used. */
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { keyRing, keysIn, loadKeys } from '../../src/state/keys.ts';

const aDir = async () => {
  const dir = await mkdtemp(join(tmpdir(), 'lk-keys-'));
  onTestFinished(() => rm(dir, { recursive: true, force: true }));
  return dir;
};
const aKey = (number: number) => Buffer.alloc(32, number);
const text = (number: number) => aKey(number).toString('base64');
const idOf = (number: number) => keyRing([aKey(number)]).present.id;

test('a key is made at the first start, kept for us alone, and the same ever after', async () => {
  const dataDir = await aDir();
  const first = await loadKeys({ dataDir, env: {} });
  expect(await readdir(dataDir)).toEqual([]);
  await first.keep();
  expect(await readdir(dataDir)).toEqual(['seal.key']);
  expect((await stat(join(dataDir, 'seal.key'))).mode & 0o777).toBe(0o600);
  const second = await loadKeys({ dataDir, env: {} });
  expect(second.ring).toEqual(first.ring);
  await second.keep();
  expect((await loadKeys({ dataDir, env: {} })).ring).toEqual(first.ring);
  expect(second.formerPlaces).toEqual([]);
});

test('two directories have two keys', async () => {
  const [one, two] = [
    await loadKeys({ dataDir: await aDir(), env: {} }),
    await loadKeys({ dataDir: await aDir(), env: {} }),
  ];
  expect(one.ring.present.id).not.toBe(two.ring.present.id);
});

test('a key that is there is never replaced', async () => {
  const dataDir = await aDir();
  const made = await loadKeys({ dataDir, env: {} });
  await writeFile(join(dataDir, 'seal.key'), text(1));
  await expect(made.keep()).rejects.toThrow('EEXIST');
  expect(await readFile(join(dataDir, 'seal.key'), 'utf8')).toBe(text(1));
  expect(await readdir(dataDir)).toEqual(['seal.key']);
});

test('several keys, one in a line: the first seals, all open', async () => {
  const dataDir = await aDir();
  const file = join(dataDir, 'keys');
  await writeFile(file, `${text(2)}\n\n  ${text(1)}\r\n${text(2)}\n`);
  const { ring, formerPlaces, place } = await loadKeys({ dataDir, configured: { file }, env: {} });
  expect(ring.present.id).toBe(idOf(2));
  expect([...ring.all.keys()]).toEqual([idOf(2), idOf(1)]);
  expect(place).toContain(file);
  expect(formerPlaces).toEqual([`all keys but the first in ${file} (state.encryptionKey)`]);
});

test('the key in the data directory still opens once another is configured', async () => {
  const dataDir = await aDir();
  await writeFile(join(dataDir, 'seal.key'), text(1));
  const { ring, formerPlaces } = await loadKeys({ dataDir, configured: { env: 'KEY' }, env: { KEY: text(2) } });
  expect([...ring.all.keys()]).toEqual([idOf(2), idOf(1)]);
  expect(formerPlaces).toEqual([join(dataDir, 'seal.key')]);
});

test('a configured key leaves no file', async () => {
  const dataDir = await aDir();
  await (await loadKeys({ dataDir, configured: { env: 'KEY' }, env: { KEY: text(2) } })).keep();
  expect(await readdir(dataDir)).toEqual([]);
});

test.each([
  ['nothing', ''],
  ['a word', 'S3CRET'],
  ['31 bytes', Buffer.alloc(31, 1).toString('base64')],
  ['33 bytes', Buffer.alloc(33, 1).toString('base64')],
  ['hexadecimal digits', Buffer.alloc(32, 1).toString('hex')],
  ['a good one and a bad one', `${text(1)}\nS3CRET`],
])('%s is no key, and is not quoted', (_, wrong) => {
  expect(() => keysIn(wrong, '/k')).toThrow('/k does not hold a key of 32 bytes in base64');
  expect(() => keysIn(wrong, '/k')).not.toThrow('S3CRET');
});

test('a key file that cannot be understood is never taken for a missing one', async () => {
  const dataDir = await aDir();
  await writeFile(join(dataDir, 'seal.key'), 'half of a k');
  await expect(loadKeys({ dataDir, env: {} })).rejects.toThrow('restore it');
  await rm(join(dataDir, 'seal.key'));
  await expect(loadKeys({ dataDir: join(dataDir, 'x\0'), env: {} })).rejects.toThrow();
});

test('one key serves each purpose with another, and shows nothing of itself', () => {
  const { present } = keyRing([aKey(1)]);
  const all = [present.seal, present.record, present.mark, present.wrap].map((key) => key.toString('hex'));
  expect(new Set(all).size).toBe(4);
  for (const key of all) expect(key).toHaveLength(64);
  expect(present.id).toMatch(/^[0-9a-f]{16}$/);
  expect([...all, aKey(1).toString('hex')].join()).not.toContain(present.id);
});
