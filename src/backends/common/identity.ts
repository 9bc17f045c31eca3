/** Bytes of an identity: 4 of the instance, 7 of the number of the file. */
const LENGTH = 11;
const TWO_32 = 0x1_0000_0000;

/**
 * The identity of a file. Numbers start anew with each instance, so the
 * instance's own random number is part of it: after a restart, what an old
 * handle names is gone, not another file.
 */
export function encodeIdentity(instance: number, fileid: number): Uint8Array {
  const high = Math.floor(fileid / TWO_32);
  const identity = new Uint8Array(LENGTH);
  identity[0] = instance >>> 24;
  identity[1] = instance >>> 16;
  identity[2] = instance >>> 8;
  identity[3] = instance;
  identity[4] = high >>> 16;
  identity[5] = high >>> 8;
  identity[6] = high;
  identity[7] = fileid >>> 24;
  identity[8] = fileid >>> 16;
  identity[9] = fileid >>> 8;
  identity[10] = fileid;
  return identity;
}

/** The number of the file; `undefined` for what is not of this instance. */
export function decodeIdentity(
  instance: number,
  identity: Uint8Array,
): number | undefined {
  if (identity.length !== LENGTH) return undefined;
  if (uint32(identity, 0) !== instance) return undefined;
  const high = identity[4]! << 16 | identity[5]! << 8 | identity[6]!;
  return high * TWO_32 + uint32(identity, 7);
}

function uint32(bytes: Uint8Array, at: number): number {
  return (bytes[at]! << 24 | bytes[at + 1]! << 16 | bytes[at + 2]! << 8 |
    bytes[at + 3]!) >>> 0;
}
