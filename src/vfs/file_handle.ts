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

/** Bytes of a filehandle: what it names, and the proof that we made it. */
export const HANDLE_SIZE = 32;
/** Most bytes of a file system's identity of a node. */
export const MAX_IDENTITY = 11;

const PLAIN_SIZE = 16;
const KEY_SIZE = 16;
const VERSION = 1;

/** What a filehandle says. */
export interface HandleContent {
  /** Id of the export. */
  readonly exportId: number;
  /** The file system's identity of the node; 1 to 11 bytes. */
  readonly identity: Uint8Array;
}

/**
 * Makes and reads filehandles. Without the key they can't be made, so a client
 * gets no further than where LOOKUP led it:
 *
 *     version and identity length (1) · export id (4) · identity (11, zero-padded) · MAC (16)
 *
 * The MAC is AES-128 of the one block before it: a pseudo-random function, and
 * with that a sound MAC for messages of exactly one block.
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

  /** The filehandle of a node; RangeError when its identity has not 1 to 11 bytes. */
  encode({ exportId, identity }: HandleContent): Uint8Array {
    const length = identity.length;
    if (length === 0 || length > MAX_IDENTITY) {
      throw new RangeError(`an identity of ${length} bytes`);
    }
    const handle = new Uint8Array(HANDLE_SIZE);
    handle[0] = VERSION << 4 | length;
    handle[1] = exportId >>> 24;
    handle[2] = exportId >>> 16;
    handle[3] = exportId >>> 8;
    handle[4] = exportId;
    handle.set(identity, 5);
    handle.set(this.#mac(handle), PLAIN_SIZE);
    return handle;
  }

  /** What a filehandle says; `undefined` when it is none of ours. */
  decode(handle: Uint8Array): HandleContent | undefined {
    if (handle.length !== HANDLE_SIZE) return undefined;
    const length = handle[0]! & 15;
    if (handle[0]! >> 4 !== VERSION || length === 0 || length > MAX_IDENTITY) {
      return undefined;
    }
    const mac = this.#mac(handle);
    let difference = 0;
    // All bytes, whatever the first says: time must not tell how much was right.
    for (let i = 0; i < mac.length; i++) {
      difference |= mac[i]! ^ handle[PLAIN_SIZE + i]!;
    }
    if (difference !== 0) return undefined;
    const exportId = (handle[1]! << 24 | handle[2]! << 16 | handle[3]! << 8 |
      handle[4]!) >>> 0;
    // A copy: the handle is a view of a message.
    return { exportId, identity: handle.slice(5, 5 + length) };
  }

  #mac(handle: Uint8Array): Uint8Array {
    return this.#cipher.update(handle.subarray(0, PLAIN_SIZE));
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
