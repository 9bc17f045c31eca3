import { type Cipheriv, createCipheriv } from "node:crypto";
import type { Export } from "./exports.ts";

/** A file that a filehandle names. */
export interface FileRef {
  /** Where it lives. */
  readonly export: Export;
  /** The file system's own object. */
  readonly node: object;
  /** The filehandle, at most 128 bytes. */
  readonly handle: Uint8Array;
  /** The filehandle as a string: the key of the file's state. */
  readonly key: string;
}

/** Bytes of a filehandle of a file: what it names, and the proof that we made it. */
export const HANDLE_SIZE = 32;
/** Bytes of a filehandle with a long identity, as that of a named attribute. */
export const LONG_HANDLE_SIZE = 48;
/** Most bytes of a file system's identity of a node. */
export const MAX_IDENTITY = 11;
/** Most bytes of an identity that the server itself has made of one. */
export const MAX_LONG_IDENTITY = 27;

const BLOCK = 16;
const KEY_SIZE = 16;
/** Versions of handles: their first four bits, of which the length follows. */
const SHORT = 1;
const LONG = 2;

/** What a filehandle says. */
export interface HandleContent {
  /** Id of the export. */
  readonly exportId: number;
  /** The identity of the node; 1 to 27 bytes. */
  readonly identity: Uint8Array;
}

/**
 * Makes and reads filehandles. Without the key they can't be made, so a client
 * gets no further than where LOOKUP led it:
 *
 *     version and identity length (1) · export id (4) · identity (11 or 27, zero-padded) · MAC (16)
 *
 * The MAC is AES-128 of the one block before it, or CBC-MAC of the two: a
 * pseudo-random function, and with that a sound MAC, for messages none of which
 * begins with all of another; the version sees to that.
 */
export class HandleCodec {
  readonly #cipher: Cipheriv;

  /** `key`: 16 secret bytes, kept over restarts so that handles survive them. */
  constructor(key: Uint8Array) {
    if (key.length !== KEY_SIZE) {
      throw new RangeError(`a filehandle key has ${KEY_SIZE} bytes`);
    }
    this.#cipher = createCipheriv("aes-128-ecb", key, null);
    // A kept cipher gives each block back at once only when it never pads.
    this.#cipher.setAutoPadding(false);
  }

  /** The filehandle of a node; RangeError when its identity has not 1 to 27 bytes. */
  encode({ exportId, identity }: HandleContent): Uint8Array {
    const { length } = identity;
    if (length === 0 || length > MAX_LONG_IDENTITY) {
      throw new RangeError(`an identity of ${length} bytes`);
    }
    const isLong = length > MAX_IDENTITY;
    const handle = new Uint8Array(isLong ? LONG_HANDLE_SIZE : HANDLE_SIZE);
    handle[0] = isLong
      ? LONG << 4 | length - MAX_IDENTITY - 1
      : SHORT << 4 | length;
    handle[1] = exportId >>> 24;
    handle[2] = exportId >>> 16;
    handle[3] = exportId >>> 8;
    handle[4] = exportId;
    handle.set(identity, 5);
    handle.set(this.#mac(handle), handle.length - BLOCK);
    return handle;
  }

  /** What a filehandle says; `undefined` when it is none of ours. */
  decode(handle: Uint8Array): HandleContent | undefined {
    const length = identityLength(handle);
    if (length === undefined) return undefined;
    const mac = this.#mac(handle);
    const at = handle.length - BLOCK;
    let difference = 0;
    // All bytes, whatever the first says: time must not tell how much was right.
    for (let i = 0; i < mac.length; i++) {
      difference |= mac[i]! ^ handle[at + i]!;
    }
    if (difference !== 0) return undefined;
    const exportId = (handle[1]! << 24 | handle[2]! << 16 | handle[3]! << 8 |
      handle[4]!) >>> 0;
    // A copy: the handle is a view of a message.
    return { exportId, identity: handle.slice(5, 5 + length) };
  }

  #mac(handle: Uint8Array): Uint8Array {
    const first = this.#cipher.update(handle.subarray(0, BLOCK));
    if (handle.length === HANDLE_SIZE) return first;
    for (let i = 0; i < BLOCK; i++) first[i]! ^= handle[BLOCK + i]!;
    return this.#cipher.update(first);
  }
}

/** How long the identity in a handle is; `undefined` where it can't be one of ours. */
function identityLength(handle: Uint8Array): number | undefined {
  const first = handle[0]!;
  const length = first & 15;
  switch (handle.length) {
    case HANDLE_SIZE: {
      const isOurs = first >> 4 === SHORT && length > 0 &&
        length <= MAX_IDENTITY;
      return isOurs ? length : undefined;
    }
    case LONG_HANDLE_SIZE:
      return first >> 4 === LONG ? length + MAX_IDENTITY + 1 : undefined;
    default:
      return undefined;
  }
}

/** Whether two filehandles are the same bytes. */
export function isSameHandle(one: Uint8Array, other: Uint8Array): boolean {
  if (one.length !== other.length) return false;
  for (let i = 0; i < one.length; i++) {
    if (one[i] !== other[i]) return false;
  }
  return true;
}
