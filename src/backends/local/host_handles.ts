import type { HostCalls } from "../common/host_calls.ts";
import { mix } from "./host.ts";

const MAX_HANDLE = 128;

/** A file handle of the host; its bytes are good until the next one is asked for. */
export interface HostHandle {
  readonly type: number;
  readonly bytes: Uint8Array;
}

/**
 * The handles that the host itself has for files, by name_to_handle_at(2). They hold
 * the generation of an inode, which tells it from earlier ones of its number.
 */
export class HostHandles {
  readonly #libc: HostCalls["libc"];
  readonly #handle = new Uint8Array(8 + MAX_HANDLE);
  readonly #words = new Uint32Array(this.#handle.buffer);
  readonly #mountId = new Uint8Array(8);

  constructor({ libc }: HostCalls) {
    this.#libc = libc;
  }

  /** Of the entry `name`, with a NUL behind it; `undefined` where its file system has none. */
  of(
    folder: number,
    name: Uint8Array<ArrayBuffer>,
    flags: number,
  ): HostHandle | undefined {
    this.#words[0] = MAX_HANDLE;
    const result = this.#libc.name_to_handle_at(
      folder,
      name,
      this.#handle,
      this.#mountId,
      flags,
    );
    if (result !== 0) return undefined;
    const [length = 0, type = 0] = this.#words;
    return { type, bytes: this.#handle.subarray(8, 8 + length) };
  }
}

/** A hash with a handle in it. */
export function mixHandle(hash: number, { type, bytes }: HostHandle): number {
  hash = mix(hash, type);
  for (const byte of bytes) hash = Math.imul(hash ^ byte, 0x01000193);
  return hash;
}
