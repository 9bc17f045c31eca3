/** Bytes of a request that are looked at: all of most, the names and ranges of the rest. */
const DIGESTED = 512;

/**
 * A number of 32 bits made of the first 512 of the bytes from `start` to
 * `end`, a multiple of 4 apart. It tells a changed request from a repeated
 * one (RFC 8881 2.10.6.1.3.1); against malice it does nothing, but a client
 * that forges its own retries harms only itself.
 */
export function digest(bytes: Uint8Array, start: number, end: number): number {
  const stop = Math.min(end, start + DIGESTED) - 3;
  let hash = 0x811c_9dc5 | 0;
  for (let i = start; i < stop; i += 4) {
    const word = bytes[i]! << 24 | bytes[i + 1]! << 16 | bytes[i + 2]! << 8 |
      bytes[i + 3]!;
    hash = Math.imul(hash ^ word, 0x0100_0193);
    hash ^= hash >>> 15;
  }
  return hash;
}
