/** Operations: every change is one, done at once, later, or never, and failed at HTTP 200 (contract 4). */
import { pick } from '../faults.ts';
import { inNanos, newId } from './ids.ts';
import { type Asked, whoever } from './route.ts';
import { any, print, showOperation } from './shapes.ts';
import type { Pace } from './spec.ts';
import { codes, modifiedConcurrently, RpcError } from './status.ts';
import { nameOf } from './versions.ts';
import type { Operation, Secret, World } from './world.ts';

export interface Change {
  readonly secret: Secret;
  /** What is said of it: `Add version`. */
  readonly description: string;
  /** Its metadata's type, and what is in it besides the secret's id. */
  readonly metadata: string;
  readonly versionId?: string;
  readonly more?: Readonly<Record<string, string>>;
  /** What is there as soon as the operation is; and away with it where that fails. */
  readonly begin?: () => void;
  readonly undo?: () => void;
  /** Does it. Answers with the operation's response. Throws what the operation fails with. */
  readonly carryOut: () => object;
  /** Where there is no other. */
  readonly pace?: Pace;
}

const internal = { code: codes.internal, message: 'Internal error' };

/** Starts what is asked for, and answers with the operation, as the server does. */
export function operate(asked: Asked, change: Change): object {
  const { world, idempotencyKey } = asked;
  const account = whoever(asked);
  const { secret, versionId = '' } = change;
  const isBusy = [...world.underWay].some(({ secretId }) => secretId === secret.id);
  if (isBusy && world.unknowns.concurrentChanges === 'aborted') throw modifiedConcurrently();
  const createdAt = inNanos(world.clock.now());
  const operation: Operation = {
    id: newId('e6q'),
    description: change.description,
    account,
    secretId: secret.id,
    metadata: any(change.metadata, print(world, { secretId: secret.id, versionId, ...change.more })),
    createdAt,
    modifiedAt: createdAt,
    done: false,
    error: undefined,
    response: undefined,
    pollsLeft: undefined,
    advance: () => undefined,
  };
  world.operations.set(operation.id, operation);
  world.underWay.add(operation);
  if (idempotencyKey !== undefined) world.idempotent.set(`${account.id} ${idempotencyKey}`, operation);
  world.books.operations.set(operation.id, {
    id: operation.id,
    route: asked.route,
    at: world.clock.now(),
    by: account.name,
    secret: nameOf(secret),
    ...(versionId === '' ? {} : { version: versionId }),
    ...(idempotencyKey === undefined ? {} : { key: idempotencyKey }),
    repeats: 0,
    polls: 0,
  });
  change.begin?.();
  setOff(asked, operation, change);
  return showOperation(world, operation);
}

function setOff(asked: Asked, operation: Operation, change: Change): void {
  const { world } = asked;
  const planned = pick(asked.misdeeds, 'operation');
  const finish = () => settle(world, operation, change.carryOut, change.undo);
  const fail = () => {
    const { code, message = internal.message } = planned?.error ?? internal;
    const failing = () => {
      throw new RpcError(code, message);
    };
    const end = () => settle(world, operation, failing, change.undo);
    if (planned?.rollback === undefined) return end();
    operation.error = { code, message };
    wait(world, operation, { polls: planned.rollback }, end);
  };
  const pace = planned ?? world.pace ?? change.pace ?? {};
  wait(world, operation, pace, planned?.error === undefined ? finish : fail);
}

function wait(world: World, operation: Operation, { polls, takes }: Pace, then: () => void): void {
  if (polls === undefined && takes === undefined) {
    then();
    return;
  }
  operation.pollsLeft = polls;
  const cancel = takes === undefined ? undefined : world.clock.at(world.clock.now() + takes, () => operation.advance());
  operation.advance = () => {
    cancel?.();
    operation.pollsLeft = undefined;
    operation.advance = () => undefined;
    then();
  };
}

function settle(world: World, operation: Operation, carryOut: () => object, undo?: () => void): void {
  const book = world.books.operations.get(operation.id);
  operation.done = true;
  world.underWay.delete(operation);
  operation.modifiedAt = inNanos(world.clock.now());
  if (book !== undefined) book.doneAt = world.clock.now();
  try {
    operation.response = carryOut();
  } catch (error) {
    undo?.();
    if (!(error instanceof RpcError)) world.books.trouble(error);
    const { code, message } = error instanceof RpcError ? error : internal;
    operation.error = { code, message };
    if (book !== undefined) book.code = code;
  }
}

/** The operation that this account's key has started before. */
export function repeated(world: World, accountId: string, key: string): object | undefined {
  const operation = world.idempotent.get(`${accountId} ${key}`);
  if (operation === undefined) return undefined;
  const book = world.books.operations.get(operation.id);
  if (book !== undefined) book.repeats += 1;
  return showOperation(world, operation);
}

/** Somebody asks how it stands: that may be what it waits for. */
export function poll(world: World, operation: Operation): object {
  const book = world.books.operations.get(operation.id);
  if (book !== undefined) book.polls += 1;
  if (operation.pollsLeft !== undefined) {
    operation.pollsLeft -= 1;
    if (operation.pollsLeft <= 0) operation.advance();
  }
  return showOperation(world, operation);
}
