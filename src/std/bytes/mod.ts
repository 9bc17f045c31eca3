/**
 * What this project needs of `@std/bytes`, with its signatures.
 *
 * @module
 */

/** Concatenates byte arrays into a new one. */
export function concat(
  buffers: readonly Uint8Array[],
): Uint8Array<ArrayBuffer> {
  let length = 0;
  for (const buffer of buffers) length += buffer.length;
  const output = new Uint8Array(length);
  let at = 0;
  for (const buffer of buffers) {
    output.set(buffer, at);
    at += buffer.length;
  }
  return output;
}

/** Copies what fits of `src` into `dst` at `offset`; returns the bytes copied. */
export function copy(src: Uint8Array, dst: Uint8Array, offset = 0): number {
  offset = Math.max(0, Math.min(offset, dst.byteLength));
  const room = dst.byteLength - offset;
  const part = src.byteLength > room ? src.subarray(0, room) : src;
  dst.set(part, offset);
  return part.byteLength;
}

/** Whether both arrays hold the same bytes. */
export function equals(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) {
    if (a[i] !== b[i]) return false;
  }
  return true;
}

/** Whether `source` begins with `prefix`. */
export function startsWith(source: Uint8Array, prefix: Uint8Array): boolean {
  return prefix.length <= source.length &&
    equals(source.subarray(0, prefix.length), prefix);
}

/** Whether `source` ends with `suffix`. */
export function endsWith(source: Uint8Array, suffix: Uint8Array): boolean {
  return suffix.length <= source.length &&
    equals(source.subarray(source.length - suffix.length), suffix);
}

/** Index of the first `needle` in `source` from `start` on, or -1. */
export function indexOfNeedle(
  source: Uint8Array,
  needle: Uint8Array,
  start = 0,
): number {
  if (start < 0) start = Math.max(0, start + source.length);
  for (let i = start; i + needle.length <= source.length; i++) {
    if (equals(source.subarray(i, i + needle.length), needle)) return i;
  }
  return -1;
}

/** Whether `needle` stands in `source` from `start` on. */
export function includesNeedle(
  source: Uint8Array,
  needle: Uint8Array,
  start = 0,
): boolean {
  return indexOfNeedle(source, needle, start) !== -1;
}
