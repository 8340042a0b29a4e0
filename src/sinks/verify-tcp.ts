/** Sees whether a place can be reached at all. That says nothing about a password, and so it never says no. */
import { connect } from 'node:net';
import { z } from 'zod';
import { timer } from '../clock.ts';
import { LeaseError } from '../core/failure.ts';
import type { Material } from '../core/material.ts';
import type { Duration } from '../core/time.ts';
import type { Verify } from './verify.ts';
import { unfit, valueAt } from './verify-values.ts';

const wrong = 'not a place: write "host:port", or the keys that hold them: { host: DB_HOST, port: DB_PORT }';

const written = /^(?:\[([0-9a-fA-F:.]+)\]|([^\s:/[\]]+)):(\d{1,5})$/;

/** A place, or the names of the keys that hold it. */
export type Target = string | { readonly host: string; readonly port: string };

export const place = z.union(
  [
    z.string().refine((text) => isPort(written.exec(text)?.[3] ?? ''), wrong),
    z.strictObject({ host: z.string().min(1), port: z.string().min(1) }),
  ],
  wrong,
);

const isPort = (text: string): boolean => /^\d{1,5}$/.test(text) && Number(text) >= 1 && Number(text) <= 65_535;

export function verifyTcp({ target, timeout }: { readonly target: Target; readonly timeout: Duration }): Verify {
  return async (material, signal) => {
    if (signal.aborted) throw new LeaseError('unavailable', 'stopped before anything was reached');
    const { host, port } = typeof target === 'string' ? parsed(target) : found(target, material);
    // A host that the values tell is one of the values.
    const shown = typeof target === 'string' ? target : `the place that ${target.host} and ${target.port} name`;
    await reach(host, port, timeout, signal).catch((error: NodeJS.ErrnoException) => {
      throw new LeaseError('unavailable', `${shown} cannot be reached: ${error.code ?? 'unknown error'}`);
    });
  };
}

function parsed(text: string): { host: string; port: number } {
  const [, six, name, port] = written.exec(text) ?? [];
  return { host: six ?? name ?? '', port: Number(port) };
}

function found({ host, port }: Exclude<Target, string>, material: Material): { host: string; port: number } {
  const number = valueAt(material, port).trim();
  if (!isPort(number)) throw unfit(port, 'is no port');
  return { host: valueAt(material, host).trim(), port: Number(number) };
}

function reach(host: string, port: number, timeout: Duration, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host, port });
    const end = (settle: () => void) => {
      cancel();
      signal.removeEventListener('abort', abort);
      socket.destroy();
      settle();
    };
    const fail = (code: string) => end(() => reject(Object.assign(new Error(code), { code })));
    const abort = () => fail('given up');
    const cancel = timer(timeout, () => fail('no answer in time'));
    signal.addEventListener('abort', abort, { once: true });
    socket.once('connect', () => end(resolve));
    // Also after the end: who resets what we have left is of no concern.
    socket.on('error', (error: NodeJS.ErrnoException) => fail(error.code ?? 'unknown error'));
  });
}
