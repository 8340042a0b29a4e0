/** What a Lockbox sandbox is made of, as plain data: the same in process, and as JSON for a process of its own. */
import type { Duration } from '../../../src/core/time.ts';

/** The services, each on a port of its own as each is on a host of its own (contract 1). */
export const hosts = ['lockbox', 'payload', 'operation', 'iam', 'auth', 'discovery', 'metadata'] as const;
export type Host = (typeof hosts)[number];

export type Role =
  | 'lockbox.viewer'
  | 'lockbox.auditor'
  | 'lockbox.payloadViewer'
  | 'lockbox.editor'
  | 'lockbox.admin'
  | 'kms.keys.encrypterDecrypter'
  | 'iam.serviceAccounts.tokenCreator';

/** One service account. */
export interface AccountSpec {
  /** How the controls name it. Default: `keeper`. */
  readonly name?: string;
  readonly id?: string;
  /** On every secret. Default: viewer, payloadViewer and editor, with the use of every KMS key. */
  readonly roles?: readonly Role[];
  /** Besides, by the secret's name. */
  readonly rolesOn?: Readonly<Record<string, readonly Role[]>>;
  /** The id of its authorized key. */
  readonly keyId?: string;
  /** The external subject that may act as it. Default: `system:serviceaccount:default:NAME`. */
  readonly subject?: string;
  /** A person's OAuth token that is exchanged for its IAM tokens. */
  readonly oauthToken?: string;
}

/** Text, or bytes in base64. */
export type EntryValue = string | { readonly binary: string };
export type Entries = Readonly<Record<string, EntryValue>>;

export interface VersionSpec {
  readonly id?: string;
  readonly entries?: Entries;
  readonly description?: string;
  /** How long ago it was added. Default: each a minute before the next. */
  readonly age?: Duration;
  /** It is scheduled for destruction, so long from now; 0 or less: it is destroyed. */
  readonly destroyIn?: Duration;
}

/** As on the wire (contract 3). */
export interface PasswordSpec {
  readonly passwordKey: string;
  readonly length?: number;
  readonly includeUppercase?: boolean | undefined;
  readonly includeLowercase?: boolean | undefined;
  readonly includeDigits?: boolean | undefined;
  readonly includePunctuation?: boolean | undefined;
  readonly includedPunctuation?: string | undefined;
  readonly excludedPunctuation?: string | undefined;
}

export interface SecretSpec {
  readonly name: string;
  readonly id?: string;
  readonly folderId?: string;
  readonly description?: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly kmsKeyId?: string;
  readonly deletionProtection?: boolean;
  readonly inactive?: boolean;
  /** The server makes its values. Without `entries` and `versions` it has one version, made so. */
  readonly generated?: PasswordSpec;
  /** Of its only version. */
  readonly entries?: Entries;
  /** Oldest first. An empty list: it has none. */
  readonly versions?: readonly VersionSpec[];
  /** The id of the current one. Default: the last. `null`: none is. */
  readonly current?: string | null;
}

/** How long operations take. Neither: they are done in the first answer. Both: whichever comes first. */
export interface Pace {
  /** Done when it has been asked for so many times. Nobody asks: it is never done. */
  readonly polls?: number;
  readonly takes?: Duration;
}

/** Where the contract says that nobody knows (part 12), each with what is assumed first. */
export interface Unknowns {
  /** Can the payload of a version be read that is scheduled for destruction? `no` */
  readonly scheduledPayload?: 'no' | 'yes';
  /** May such a version be the base of another? `no` */
  readonly scheduledBase?: 'no' | 'yes';
  /** What Secret.Get shows once the current version is destroyed. `shown` */
  readonly destroyedCurrent?: 'shown' | 'absent';
  /** The code for a payload that cannot be read: 9. */
  readonly unreadable?: 9 | 5;
  /** Are the base's other entries kept in a generated version? `no` */
  readonly generatedKeepsOthers?: 'no' | 'yes';
  /** A change while another of the same secret is under way. `allowed`; else ABORTED. */
  readonly concurrentChanges?: 'allowed' | 'aborted';
  /** Where a missing KMS role shows when something is written: in the `operation`, or at once in the `answer`. */
  readonly kmsRefusal?: 'operation' | 'answer';
  /** The order of ListVersions. `newest` first. */
  readonly versionOrder?: 'newest' | 'oldest';
  /** What a list of nothing is: an empty object, or, as reported of Kazakhstan, a 404 with an empty body. */
  readonly emptyList?: 'object' | '404';
  /** `some-empty`: there are pages with nothing on them and a token for the next. */
  readonly pages?: 'full' | 'some-empty';
}

export interface LockboxSpec {
  /** Default: any free ones. */
  readonly ports?: Partial<Readonly<Record<Host | 'control', number>>>;
  /** Default: one, `keeper`. */
  readonly accounts?: readonly AccountSpec[];
  readonly secrets?: readonly SecretSpec[];
  /** Whether fields that have their default are printed. Default: `omitted`, booleans excepted. */
  readonly defaults?: 'omitted' | 'printed';
  /** Of everything that changes a secret. Default: creating takes one poll, the rest is done at once (contract 4). */
  readonly operations?: Pace;
  /** Servers of before July 2026 have no such method: the path is `unknown`, or the method `unimplemented`. */
  readonly setCurrentVersion?: 'known' | 'unknown' | 'unimplemented';
  /** Versions of one secret that are not destroyed. Default: 1000. */
  readonly versionQuota?: number;
  /** Of IAM tokens. Default: 12 h. */
  readonly tokenLife?: Duration;
  /** Whoever asks again so soon gets the same token. Default: a twelfth of its life. */
  readonly sameTokenFor?: Duration;
  /** Whose tokens the metadata service gives. Default: the first account's. `null`: no account is attached. */
  readonly attached?: string | null;
  /** What JWTs have to be made out to. */
  readonly jwtAudience?: string;
  readonly unknowns?: Unknowns;
  /** What the servers' clock is ahead of ours. */
  readonly skew?: Duration;
}
