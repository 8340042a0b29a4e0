/** Remembers which token was rejected last: one that was given to us would be shown again and again. */
import { type Duration, type Instant, minutes } from '../core/time.ts';
import type { Deps } from './define.ts';

/** A rejection may have been the server's mistake: a token that was given to us is shown again after a while. */
const remembered: Duration = minutes(4);

/** `mark`: a keyed fingerprint. No token is kept. */
export function rejections(
  { token, tokenRejected, clock }: Pick<Deps, 'token' | 'tokenRejected' | 'clock'>,
  mark: (text: string) => string,
) {
  let last: { readonly mark: string; readonly at: Instant } | undefined;
  return {
    tokenRejected(holding: Parameters<typeof tokenRejected>[0]) {
      last = { mark: mark(token()?.material.reveal('token') ?? ''), at: clock.now() };
      tokenRejected(holding);
    },
    wasRejected: (given: string) => last?.mark === mark(given) && clock.now() - last.at < remembered,
  };
}
