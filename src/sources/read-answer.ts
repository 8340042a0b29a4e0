/** The border to what a provider answers: nothing passes that is not of the shape that was asked for. */
import type { z } from 'zod';
import { LeaseError } from '../core/failure.ts';
import type { HttpAnswer } from './http-client.ts';

/**
 * A 200 is only believed where its body is what was asked for: else a proxy or half an answer spoke. Throws
 * `LeaseError` `unavailable`, `unsure` where the request may have had an effect; it names the place, not the content.
 */
export function read<T>(answer: HttpAnswer, schema: z.ZodType<T>, isEffectful: boolean): T {
  const parsed = schema.safeParse(answer.json);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  const place = issue?.path.filter((step) => typeof step === 'string').join('.');
  const what = answer.json === undefined ? 'is no JSON' : `is not as expected${place ? ` at ${place}` : ''}`;
  throw new LeaseError('unavailable', `the answer ${what}: HTTP ${answer.status}`, { unsure: isEffectful });
}
