/** A sandbox's controls over HTTP, under `/__sandbox/`, for whoever starts it as a process. No part of a provider's API. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { readBytes } from './wire.ts';

export interface Controls {
  books(): unknown;
  clearFaults(): void;
  /** What `POST /__sandbox/accepts` asks. */
  accepts(asked: unknown): unknown;
  /** What `POST /__sandbox/whereabouts` asks: what there is that has these values, and what became of it. */
  whereabouts?(asked: unknown): unknown;
  /** What `POST /__sandbox/faults` says, done before it is answered. May answer with what it made. */
  obey(order: { readonly kind: string }): unknown;
  /** An order that takes the answer's own connection down, or `undefined`. Given when the answer is out. */
  afterwards?(order: { readonly kind: string }): (() => void) | undefined;
}

/**
 * `GET /__sandbox/books` the books · `POST /__sandbox/faults` a fault or an order · `DELETE /__sandbox/faults` no more
 * faults · `POST /__sandbox/accepts` values or a token: whether they would be let in · `POST /__sandbox/whereabouts` of
 * a store: which versions have these values.
 */
export async function serveControls(
  controls: Controls,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const asked = `${request.method} ${request.url}`;
  const answer = (status: number, body: unknown) => {
    response.writeHead(status, { 'content-type': 'application/json' });
    response.end(JSON.stringify(body));
  };
  try {
    const bytes = await readBytes(request);
    const body = bytes.length === 0 ? undefined : (JSON.parse(bytes.toString()) as unknown);
    if (asked === 'GET /__sandbox/books') return answer(200, controls.books());
    if (asked === 'DELETE /__sandbox/faults') {
      controls.clearFaults();
      return answer(200, { ok: true });
    }
    if (asked === 'POST /__sandbox/accepts') return answer(200, { accepted: await controls.accepts(body) });
    if (asked === 'POST /__sandbox/whereabouts' && controls.whereabouts) return answer(200, controls.whereabouts(body));
    if (asked !== 'POST /__sandbox/faults') return answer(404, { error: 'no such control' });
    const order = body as { readonly kind: string };
    const afterwards = controls.afterwards?.(order);
    if (afterwards === undefined) {
      const made = await controls.obey(order);
      return answer(200, { ok: true, ...(made === undefined ? {} : { made }) });
    }
    response.once('finish', afterwards);
    return answer(200, { ok: true });
  } catch (error) {
    return answer(400, { error: error instanceof Error ? error.message : String(error) });
  }
}
