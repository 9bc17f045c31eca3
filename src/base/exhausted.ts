/**
 * The end of a switch over all kinds of something: one that has no case there does
 * not compile.
 */
export function exhausted(kind: never): never {
  throw new TypeError(`of no known kind: ${String(kind)}`);
}
