import { WideMap } from "./wide_map.ts";

/** Something with a number of its own. */
export interface Numbered {
  /** No other in the same collection has it. */
  readonly id: number;
}

/**
 * A collection that mostly has one item, and costs nothing more then: the
 * item itself, several by their numbers, or undefined.
 */
export type Few<T extends Numbered> = T | WideMap<number, T> | undefined;

/** The collection with `item` in it as well. */
export function including<T extends Numbered>(few: Few<T>, item: T): Few<T> {
  if (few === undefined) return item;
  const several = few instanceof WideMap ? few : byId<T>().set(few.id, few);
  return several.set(item.id, item);
}

/** The collection without `item`. */
export function excluding<T extends Numbered>(few: Few<T>, item: T): Few<T> {
  if (!(few instanceof WideMap)) return few === item ? undefined : few;
  few.delete(item.id);
  return few.size === 0 ? undefined : few;
}

/** Number of items. */
export function sizeOf(few: Few<Numbered>): number {
  if (few instanceof WideMap) return few.size;
  return few === undefined ? 0 : 1;
}

/** An item, if there is one. */
export function firstOf<T extends Numbered>(few: Few<T>): T | undefined {
  for (const item of itemsOf(few)) return item;
  return undefined;
}

/** The items, which may be excluded meanwhile. */
export function* itemsOf<T extends Numbered>(few: Few<T>): Generator<T> {
  if (few instanceof WideMap) yield* few.values();
  else if (few !== undefined) yield few;
}

/** An empty collection of many. */
export function byId<T extends Numbered>(): WideMap<number, T> {
  return new WideMap((id) => id);
}
