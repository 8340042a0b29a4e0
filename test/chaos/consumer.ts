/**
 * A program as leasekeeper's users have them: it reads its credential at its start and on SIGHUP, never otherwise, and
 * uses it several times a second. A use is a question to the sandbox: would who shows this be let in?
 */
import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import type { Whereabouts } from '../sandbox/yandex/control.ts';
import { type Credential, credentialIn, type Kind } from './credentials.ts';
import type { SinkPlan } from './lives.ts';

export interface ConsumerOrder {
  readonly name: string;
  readonly file: string;
  readonly format: SinkPlan['format'];
  readonly kind: Kind;
  readonly pidFile: string;
  /** Of the controls of the sandbox itself, without the proxy between. */
  readonly url: string;
  /** A fault that is planted to see whether it is found: the reload is not taken up. */
  readonly neverRereads: boolean;
}

export type ConsumerLine =
  /** `isStale`: what was used last is a version that is not the current one any more. */
  | { readonly type: 'tally'; readonly uses: number; readonly unreachable: number; readonly isStale: boolean }
  | { readonly type: 'loaded'; readonly at: number; readonly why: 'start' | 'reload'; readonly mark: string }
  | {
      readonly type: 'refused';
      readonly at: number;
      readonly name: string;
      readonly mark: string;
      readonly endsAt?: number;
    }
  | { readonly type: 'torn'; readonly at: number; readonly why: string };

const order = JSON.parse(process.argv[2] ?? '{}') as ConsumerOrder;
const between = 200;
/** Shorter than any grace: a use that hangs must not be one of a value that was replaced meanwhile. */
const patience = 800;

const tell = (line: ConsumerLine): void => void process.stdout.write(`${JSON.stringify(line)}\n`);

function load(why: 'start' | 'reload'): Credential | undefined {
  try {
    const credential = credentialIn(readFileSync(order.file), order.format, order.kind);
    tell({ type: 'loaded', at: Date.now(), why, mark: credential.mark });
    return credential;
  } catch (error) {
    tell({ type: 'torn', at: Date.now(), why: (error as Error).message });
    return undefined;
  }
}

/** Whether it was let in, and of what is known by another name than its own, what that is. */
interface Answer {
  readonly isAccepted: boolean;
  readonly name?: string | undefined;
  readonly isStale?: boolean;
}

/** `undefined` where nobody answered. */
async function use({ asked }: Credential): Promise<Answer | undefined> {
  const isVersion = order.kind === 'version';
  try {
    const response = await fetch(`${order.url}/__sandbox/${isVersion ? 'whereabouts' : 'accepts'}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(asked),
      signal: AbortSignal.timeout(patience),
    });
    if (!response.ok) return undefined;
    const answer = (await response.json()) as unknown;
    return isVersion ? judged(answer as Whereabouts[]) : { isAccepted: (answer as { accepted: boolean }).accepted };
  } catch {
    return undefined;
  }
}

/** What has been destroyed is of no use to anybody. */
const judged = (found: readonly Whereabouts[]): Answer => ({
  isAccepted: found.some(({ status }) => status !== 'DESTROYED'),
  name: found.at(-1)?.version,
  isStale: !found.some(({ isCurrent }) => isCurrent),
});

let credential = load('start');
process.on('SIGHUP', () => {
  const next = load('reload');
  if (!order.neverRereads) credential = next ?? credential;
});
// Whoever started us is gone when this ends.
process.stdin.once('end', () => process.exit(0)).resume();
// The signal has a handler from here on: who finds the pid may use it.
writeFileSync(`${order.pidFile}.new`, String(process.pid));
renameSync(`${order.pidFile}.new`, order.pidFile);

let uses = 0;
let unreachable = 0;
let isStale = false;
for (let i = 0; ; i++) {
  const used = credential;
  const at = Date.now();
  if (used !== undefined) {
    const answer = await use(used);
    if (answer === undefined) unreachable += 1;
    else uses += 1;
    isStale = answer?.isStale ?? isStale;
    const { mark, endsAt } = used;
    const name = answer?.name ?? used.name;
    if (answer?.isAccepted === false)
      tell({ type: 'refused', at, name, mark, ...(endsAt !== undefined && { endsAt }) });
  }
  if (i % 5 === 0) tell({ type: 'tally', uses, unreachable, isStale });
  await pause(between);
}
