import type { Page } from '#database';

/** The view of a page: the view of each of its items. */
export const pageView =
  <T>(view: (item: T) => unknown) =>
  (page: Page<T>) => ({ items: page.items.map(view), nextCursor: page.nextCursor });
