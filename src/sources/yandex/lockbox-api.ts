/** The calls to one secret of Lockbox. Contract 2, 3 and 4. */
import { randomUUID } from 'node:crypto';
import { LeaseError } from '../../core/failure.ts';
import { Material } from '../../core/material.ts';
import { type Instant, seconds } from '../../core/time.ts';
import { afterEffect } from '../after-effect.ts';
import { read } from '../read-answer.ts';
import {
  type Entry,
  type Operation as LongOperation,
  operationAnswer,
  payloadAnswer,
  type Secret,
  secretAnswer,
  type Version,
  versionsAnswer,
} from './answers.ts';
import type { Asking, Operation } from './client.ts';
import { failureOfOperation, type Meaning, Refusal, statusIn } from './failures.ts';

export interface Listing {
  readonly versions: readonly Version[];
  /** Of an answer that is empty altogether nobody knows what it means. */
  readonly isProven: boolean;
}

/** Everything that changes a secret, by the name of its method. */
export type Verb = 'addVersion' | 'setCurrentVersion' | 'scheduleVersionDestruction' | 'cancelVersionDestruction';

export interface Change {
  readonly signal: AbortSignal;
  /** The server does it once for one key. Absent: a key of its own. */
  readonly key?: string;
  readonly sendBy?: Instant;
}

export interface LockboxApi {
  /** Free of charge, as `versions` is. */
  secret(signal: AbortSignal): Promise<Secret>;
  /** All of them: every page. */
  versions(signal: AbortSignal): Promise<Listing>;
  /** The values of exactly that version. Every call costs the user money. */
  payload(versionId: string, signal: AbortSignal): Promise<Material>;
  /** Throws also what the operation fails with. Resolves when it is over. */
  change(verb: Verb, body: object, change: Change): Promise<LongOperation>;
}

const operations: Readonly<Record<Verb, Operation>> = {
  addVersion: 'version-add',
  setCurrentVersion: 'version-set-current',
  scheduleVersionDestruction: 'version-schedule',
  cancelVersionDestruction: 'version-cancel',
};

const doing: Readonly<Record<Verb, string>> = {
  addVersion: 'adding a version to',
  setCurrentVersion: 'making another version current of',
  scheduleVersionDestruction: 'scheduling the destruction of a version of',
  cancelVersionDestruction: 'cancelling the destruction of a version of',
};

const ofKey = 'kms.keys.encrypterDecrypter';

/** Far more than there can be: destroyed versions do not count for the quota of 1000, and may stay on the list for years. */
const mostPages = 1_000;

/** A page is a hundred versions, each with the names of all its entries. */
const longestPage = 4 << 20;

export function lockboxApi(client: Asking, secretId: string): LockboxApi {
  const path = `/lockbox/v1/secrets/${encodeURIComponent(secretId)}`;
  const ofSecret = `secret ${secretId}`;
  const seeing = (what: string): Meaning => ({
    what: `${what} ${ofSecret}`,
    needs: 'the service account needs the role lockbox.viewer on the secret',
    where: ofSecret,
    isEffectful: false,
  });
  /** Has it a key of its own, as far as it was told? */
  let hasKey: boolean | undefined;
  /** A refusal does not say which of two roles is missing: of a secret without a key it can only be the first. */
  const orOfKey = (role: string): string => {
    const needed = `the service account needs the role ${role} on the secret`;
    if (hasKey === false) return needed;
    return `${needed}, or ${ofKey} on its key${hasKey ? '' : ' where it has one of its own'}`;
  };
  const reading = (): Meaning => ({
    ...seeing('reading the payload of'),
    needs: orOfKey('lockbox.payloadViewer'),
    where: `such version of ${ofSecret}, or no such secret`,
  });
  const changing = (verb: Verb): Meaning => ({
    what: `${doing[verb]} ${ofSecret}`,
    needs: 'the service account needs the role lockbox.editor on the secret',
    where: `such version of ${ofSecret}, no such secret, or no such method of this server`,
    ...(verb === 'addVersion' && {
      needs: orOfKey('lockbox.editor'),
      // Whoever may not edit the secret is refused at once.
      ...(hasKey !== false && { needsLate: `the service account needs the role ${ofKey} on the key of the secret` }),
      quota: 'as many versions as the secret may have: the quota lockbox.versions.count',
    }),
    isEffectful: true,
  });

  async function page(token: string, signal: AbortSignal) {
    const query = token === '' ? '' : `?${new URLSearchParams({ pageToken: token }).toString()}`;
    const request = { operation: 'version-list', method: 'GET', path: `${path}/versions${query}` } as const;
    try {
      const meaning = seeing('listing the versions of');
      const asked = { ...request, meaning, longestAnswer: longestPage, signal };
      return read(await client.withToken('lockbox', asked), versionsAnswer, false);
    } catch (error) {
      // Servers of Kazakhstan say so that there is nothing in a list.
      if (error instanceof Refusal && error.status === 404 && error.rpc === undefined) return undefined;
      throw error;
    }
  }

  async function pollOperation(id: string, meaning: Meaning, signal: AbortSignal): Promise<LongOperation> {
    await client.pause(seconds(1), signal).catch(() => {
      throw new LeaseError('unavailable', `${meaning.what}: it was not over in time`);
    });
    const request = { operation: 'operation-get', method: 'GET', path: `/operations/${id}`, signal } as const;
    const asked = { ...meaning, what: `${meaning.what}: asking whether it is over`, isEffectful: false };
    return read(await client.withToken('operation', { ...request, meaning: asked }), operationAnswer, false);
  }

  return {
    async secret(signal) {
      const request = {
        operation: 'secret-get',
        method: 'GET',
        path,
        meaning: seeing('asking about'),
        signal,
      } as const;
      const secret = read(await client.withToken('lockbox', request), secretAnswer, false);
      hasKey = Boolean(secret.kmsKeyId);
      return secret;
    },

    async versions(signal) {
      const versions: Version[] = [];
      const asked = new Set<string>();
      const endless = (why: string) =>
        new LeaseError('unavailable', `listing the versions of ${ofSecret}: the list does not end: ${why}`);
      for (let token = ''; asked.size < mostPages; ) {
        asked.add(token);
        const one = await page(token, signal);
        if (!one) return { versions, isProven: false };
        versions.push(...one.versions);
        // A page may be short or empty, and not the last.
        if (one.nextPageToken === '') return { versions, isProven: true };
        token = one.nextPageToken;
        if (asked.has(token)) throw endless(`page ${asked.size} names one that was read before`);
      }
      throw endless(`there are more than ${mostPages} pages`);
    },

    async payload(versionId, signal) {
      const query = new URLSearchParams({ versionId }).toString();
      const request = { operation: 'payload-get', method: 'GET', path: `${path}/payload?${query}` } as const;
      const meaning = reading();
      const answer = await client.withToken('payload', { ...request, meaning, signal });
      const payload = read(answer, payloadAnswer, false);
      if (payload.versionId !== versionId) {
        throw new LeaseError('unavailable', `${meaning.what}: the answer is about another version`);
      }
      if (payload.entries.length === 0) throw new LeaseError('invalid', `${meaning.what}: there is nothing in it`);
      return new Material(Object.fromEntries(payload.entries.map((entry) => [entry.key, textOf(entry, meaning)])));
    },

    async change(verb, body, { signal, key = randomUUID(), sendBy }) {
      const meaning = changing(verb);
      const answer = await client.withToken('lockbox', {
        operation: operations[verb],
        method: 'POST',
        path: `${path}:${verb}`,
        headers: { 'idempotency-key': key },
        body,
        meaning,
        signal,
        ...(sendBy !== undefined && { sendBy }),
      });
      for (let operation = read(answer, operationAnswer, true); ; ) {
        // It may be said before it is done: then all is being undone.
        if (operation.error != null) throw failureOfOperation(statusIn(operation.error) ?? { code: 2 }, meaning);
        if (operation.done) return operation;
        const { id } = operation;
        operation = await afterEffect(() => pollOperation(id, meaning, signal));
      }
    },
  };
}

/** Bytes stay in base64: values are text. Nothing can be stored that is empty. */
function textOf({ textValue, binaryValue }: Entry, { what }: Meaning): string {
  const value = textValue ?? binaryValue ?? '';
  if (value !== '') return value;
  throw new LeaseError('unavailable', `${what}: an entry came without its value`);
}
