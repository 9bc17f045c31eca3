/**
 * A collection that mostly has one item, and costs nothing more then: the
 * item itself, a set of several, or undefined.
 */
export type Few<T> = T | Set<T> | undefined;

/** The collection with `item` in it as well. */
export function including<T extends object>(few: Few<T>, item: T): Few<T> {
  if (few === undefined) return item;
  if (few instanceof Set) return few.add(item);
  return new Set([few, item]);
}

/** The collection without `item`. */
export function excluding<T extends object>(few: Few<T>, item: T): Few<T> {
  if (!(few instanceof Set)) return few === item ? undefined : few;
  few.delete(item);
  return few.size === 0 ? undefined : few;
}

/** Number of items. */
export function sizeOf(few: Few<object>): number {
  if (few instanceof Set) return few.size;
  return few === undefined ? 0 : 1;
}

/** An item, if there is one. */
export function firstOf<T extends object>(few: Few<T>): T | undefined {
  if (!(few instanceof Set)) return few;
  for (const item of few) return item;
  return undefined;
}

/** The items, which may be excluded meanwhile. */
export function* itemsOf<T extends object>(few: Few<T>): Generator<T> {
  if (few instanceof Set) yield* few;
  else if (few !== undefined) yield few;
}
