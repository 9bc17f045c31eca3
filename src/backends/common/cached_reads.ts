import { readSync } from "node:fs";
import type { HostCalls } from "./host_calls.ts";

/** Of preadv2: what is not in the host's memory is not waited for. */
const RWF_NOWAIT = 8;
const EAGAIN = 11;
/** Of lseek: from the end of the file. */
const SEEK_END = 2;

/** Reads open files as far as that takes no wait for a disk. */
export interface CachedReader {
  /**
   * Fills `buffer`, or a part of it, with an open file's bytes from `offset` on,
   * without waiting for a disk where that can be told: bytes that were read, 0
   * at the end of the file, undefined where they are not in the host's memory.
   */
  readCached(
    fd: number,
    buffer: Uint8Array,
    offset: number,
  ): number | undefined;
}

/** Waits for the disk: without libc nothing tells. */
export const plainReads: CachedReader = {
  readCached: (fd, buffer, offset) =>
    readSync(fd, buffer, 0, buffer.length, offset),
};

/**
 * Reads of open files that are answered from the host's memory, or not at all:
 * a disk, or a folder of another host, may take its time, and only a thread is
 * to wait for that.
 */
export class CachedReads implements CachedReader {
  readonly #calls: HostCalls;
  /** An iovec: address and length, low word first. */
  readonly #vector = new Uint32Array(4);
  /** Where buffers are in memory; asking for that costs as much as the read. */
  readonly #addresses = new WeakMap<ArrayBufferLike, number>();

  constructor(calls: HostCalls) {
    this.#calls = calls;
  }

  /** See {@linkcode CachedReader.readCached}. */
  readCached(
    fd: number,
    buffer: Uint8Array,
    offset: number,
  ): number | undefined {
    const { libc, errno } = this.#calls;
    const address = this.#addressOf(buffer.buffer) + buffer.byteOffset;
    const vector = this.#vector;
    vector[0] = address;
    vector[1] = Math.floor(address / 2 ** 32);
    vector[2] = buffer.length;
    const bytes = libc.preadv2(fd, vector, 1, BigInt(offset), RWF_NOWAIT);
    if (bytes > 0) return bytes;
    // Linux 5.9 and 5.10 say 0 where they mean EAGAIN (preadv2(2), BUGS).
    if (bytes === 0) return this.#isAtEnd(fd, offset) ? 0 : undefined;
    if (errno() === EAGAIN) return undefined;
    // Its file system can't tell, or has an error to tell.
    return readSync(fd, buffer, 0, buffer.length, offset);
  }

  #isAtEnd(fd: number, offset: number): boolean {
    const size = Number(this.#calls.libc.lseek(fd, 0n, SEEK_END));
    return size >= 0 && offset >= size;
  }

  #addressOf(buffer: ArrayBufferLike): number {
    let address = this.#addresses.get(buffer);
    if (address === undefined) {
      const pointer = Deno.UnsafePointer.of(new Uint8Array(buffer));
      address = Number(Deno.UnsafePointer.value(pointer));
      this.#addresses.set(buffer, address);
    }
    return address;
  }
}
