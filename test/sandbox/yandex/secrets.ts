/** What the routes about secrets and versions share: who may, which secret, how a change is written. */
import { bytes, flag, maybe, message, text, whole } from './fields.ts';
import { type Change, operate } from './operations.ts';
import { type EntryChange, payloadOf } from './payloads.ts';
import { mayUseKey, type Need, requireRight } from './rights.ts';
import { type Asked, whoever } from './route.ts';
import { any, showSecret, showVersion } from './shapes.ts';
import type { PasswordSpec } from './spec.ts';
import { codes, failedPrecondition, notFound, permissionDenied, RpcError } from './status.ts';
import { addVersion } from './versions.ts';
import type { Entry, Secret, Version } from './world.ts';

const key = text({ max: 256, pattern: /^[-_./\\@0-9a-zA-Z]+$/, required: true });

const sentEntry = message({ key, textValue: maybe(text({ max: 65_536 })), binaryValue: maybe(bytes(65_536)) }, [
  'textValue',
  'binaryValue',
]);

export const entryChange = (...[value, at, wrong]: Parameters<typeof sentEntry>): EntryChange => {
  const sent = sentEntry(value, at, wrong);
  return { key: sent.key, value: entryOf(sent) };
};

function entryOf({ textValue, binaryValue }: ReturnType<typeof sentEntry>): Entry | undefined {
  if (textValue !== undefined) return { text: textValue };
  return binaryValue && { binary: binaryValue };
}

const punctuation = (max: number) => maybe(text({ max, pattern: /^[!-/:-@[-`{-~]+$/ }));

export const passwordSpec = message(
  {
    passwordKey: key,
    length: whole(256),
    includeUppercase: maybe(flag),
    includeLowercase: maybe(flag),
    includeDigits: maybe(flag),
    includePunctuation: maybe(flag),
    includedPunctuation: punctuation(32),
    excludedPunctuation: punctuation(31),
  },
  ['includedPunctuation', 'excludedPunctuation'],
);

/** Fields that were not sent are not there. */
export const passwordSpecOf = (read: ReturnType<typeof passwordSpec> | undefined): PasswordSpec | undefined => read;

/** The secret of the path. Who may not see what is not there is denied, as is who may not see what is. */
export function secretFor(asked: Asked, need: Need): Secret {
  const id = asked.parts[0] ?? '';
  const secret = asked.world.secrets.get(id);
  requireRight(whoever(asked), need, secret);
  if (secret === undefined) throw notFound(`Secret ${id}`);
  return secret;
}

/** A change of a secret, or of one of its versions. */
export function change(
  asked: Asked,
  {
    needsKey = false,
    check,
    act,
    ...rest
  }: Omit<Change, 'carryOut'> & {
    readonly needsKey?: boolean;
    /** Throws what is refused at once; by the time it is done it may be refused all the same, by `act`. */
    readonly check?: () => void;
    /** Answers with what it was about, as that is to be shown. */
    readonly act: () => Version | Secret;
  },
): object {
  const { world } = asked;
  const isDenied = needsKey && !mayUseKey(whoever(asked), rest.secret);
  if (isDenied && world.unknowns.kmsRefusal === 'answer') throw permissionDenied();
  check?.();
  return operate(asked, {
    ...rest,
    carryOut() {
      if (isDenied) throw new RpcError(codes.permissionDenied, 'Permission denied to KMS key');
      if (!world.secrets.has(rest.secret.id)) throw notFound(`Secret ${rest.secret.id}`);
      const about = act();
      return 'secret' in about ? any('Version', showVersion(world, about)) : any('Secret', showSecret(world, about));
    },
  });
}

export interface NewVersion {
  readonly id: string;
  readonly changes: readonly EntryChange[];
  readonly base?: string | undefined;
  readonly description: string;
}

/** The base is looked up when the work is done, not when it was asked for: what others added meanwhile is built upon. */
export function addPayload(
  { world, account }: Asked,
  secret: Secret,
  { id, description, ...addition }: NewVersion,
): Version {
  const made = payloadOf(world, secret, addition);
  return addVersion(world, secret, { id, description, ...made }, account?.name ?? '?');
}

export function requireActive(secret: Secret): void {
  if (secret.status !== 'ACTIVE') throw failedPrecondition('Secret is not active');
}
