/** Which statuses of an answer mean yes, as a person writes them: `200`, `2xx`, `200-204`, or several of these. */
import { z } from 'zod';

const wrong = 'not a status: write 200, 2xx or "200-204", or a list of them';

const one = z.union(
  [z.int(wrong).min(100, wrong).max(599, wrong), z.string().regex(/^([1-5]xx|[1-5]\d\d(-[1-5]\d\d)?)$/, wrong)],
  wrong,
);

/** Becomes the test of a status. */
export const expected = z.union([one, z.array(one, wrong).min(1)], wrong).transform((given): Expected => {
  const all = (Array.isArray(given) ? given : [given]).map(rangeOf);
  return (status) => all.some(([from, to]) => status >= from && status <= to);
});

export type Expected = (status: number) => boolean;

export const isSuccess: Expected = (status) => status >= 200 && status < 300;

function rangeOf(given: number | string): readonly [from: number, to: number] {
  const text = String(given);
  if (text.endsWith('xx')) return [Number(text[0]) * 100, Number(text[0]) * 100 + 99];
  const [from = '', to = from] = text.split('-');
  return [Number(from), Number(to)];
}
