/** Lists in pages: a token is the id of what was shown last (contract 2). */
import { type Fields, type Read, text, whole } from './fields.ts';
import { print } from './shapes.ts';
import { invalid, OtherAnswer } from './status.ts';
import type { World } from './world.ts';

export const paging = { pageSize: whole(1000), pageToken: text({ max: 100 }) } satisfies Fields;

const usualSize = 100;
/** Marks the token of an empty page that was already shown. */
const after = '~';

/** `name` is the list's field. */
export function pageOf<T extends { readonly id: string }>(
  world: World,
  name: string,
  all: readonly T[],
  asked: Read<typeof paging>,
  show: (one: T) => object,
): object {
  const { emptyList, pages } = world.unknowns;
  if (all.length === 0 && emptyList === '404') throw new OtherAnswer(404, '');
  const { pageToken } = asked;
  if (pages === 'some-empty' && !pageToken.startsWith(after) && all.length > 0) {
    return print(world, { [name]: [], nextPageToken: after + pageToken });
  }
  const last = pageToken.replace(after, '');
  const start = last === '' ? 0 : all.findIndex(({ id }) => id === last) + 1;
  if (last !== '' && start === 0) throw invalid([{ field: 'page_token', description: 'Is of no page' }]);
  const page = all.slice(start, start + (asked.pageSize || usualSize));
  const isMore = start + page.length < all.length;
  return print(world, { [name]: page.map(show), nextPageToken: isMore ? (page.at(-1)?.id ?? '') : '' });
}
