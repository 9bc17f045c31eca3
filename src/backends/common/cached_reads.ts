import fs from "node:fs";
import type { Clock } from "../../base/clock.ts";
import { Addresses } from "./addresses.ts";
import type { HostCalls } from "./host_calls.ts";
import { HostPace } from "./host_pace.ts";

/** Of preadv2: what is not in the host's memory is not waited for. */
const RWF_NOWAIT = 8;
const EAGAIN = 11;
/** Of lseek: from the end of the file. */
const SEEK_END = 2;
/**
 * Reads of a file that are left to threads after one of what was not in memory:
 * to be told so takes long, for the host makes room for it and starts its disk
 * before it says that it won't wait.
 */
export const LEFT_TO_THREADS = 64;
/** Bytes that a disk reads and writes at once, on most file systems. */
const BLOCK = 4096;

/** Whether the host writes between two offsets without keeping a part of a block. */
export function isOfWholeBlocks(start: number, end: number): boolean {
  return start % BLOCK === 0 && end % BLOCK === 0;
}

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
  /**
   * Whether the host has to read from its disk before it can write between two
   * offsets, as far as that can be told: it keeps the rest of a block that is not
   * written as a whole.
   */
  isReadFirst(fd: number, start: number, end: number): boolean;
}

/**
 * Reads of open files where nothing tells what is in the host's memory: they wait
 * for the disk, until the host has been slow.
 */
export class PacedReads implements CachedReader {
  readonly #pace: HostPace;

  constructor(clock?: Clock) {
    this.#pace = new HostPace(clock);
  }

  /** See {@linkcode CachedReader.readCached}. */
  readCached(
    fd: number,
    buffer: Uint8Array,
    offset: number,
  ): number | undefined {
    const began = this.#pace.begin();
    if (began === undefined) return undefined;
    const bytes = fs.readSync(fd, buffer, 0, buffer.length, offset);
    this.#pace.ended(began);
    return bytes;
  }

  /** Nothing tells. */
  isReadFirst(): boolean {
    return false;
  }
}

/**
 * Reads of open files that are answered from the host's memory, or not at all:
 * a disk, or a folder of another host, may take its time, and only a thread is
 * to wait for that.
 */
export class CachedReads implements CachedReader {
  readonly #calls: HostCalls;
  /** An iovec: address and length, low word first. */
  readonly #vector = new Uint32Array(4);
  readonly #addresses = new Addresses();
  readonly #byte = new Uint8Array(1);
  readonly #paced = new PacedReads();
  /** How many such reads are to come, by the descriptor of a file; it may be another's by now. */
  readonly #left = new Map<number, number>();

  constructor(calls: HostCalls) {
    this.#calls = calls;
  }

  /** See {@linkcode CachedReader.readCached}. */
  readCached(
    fd: number,
    buffer: Uint8Array,
    offset: number,
  ): number | undefined {
    if (this.#left.size > 0 && this.#isLeft(fd)) return undefined;
    const bytes = this.#read(fd, buffer, offset);
    if (bytes > 0) return bytes;
    // Linux 5.9 and 5.10 say 0 where they mean EAGAIN (preadv2(2), BUGS).
    if (bytes === 0) return this.#isAtEnd(fd, offset) ? 0 : undefined;
    if (this.#calls.errno() === EAGAIN) {
      this.#left.set(fd, LEFT_TO_THREADS);
      return undefined;
    }
    // Its file system can't tell, or has an error to tell.
    return this.#paced.readCached(fd, buffer, offset);
  }

  /** See {@linkcode CachedReader.isReadFirst}. */
  isReadFirst(fd: number, start: number, end: number): boolean {
    const first = start - start % BLOCK;
    const last = end - end % BLOCK;
    return first < start && this.#isCold(fd, first) ||
      last < end && !(last === first && first < start) &&
        this.#isCold(fd, last);
  }

  #isLeft(fd: number): boolean {
    const left = this.#left.get(fd);
    if (left === undefined) return false;
    if (left === 1) this.#left.delete(fd);
    else this.#left.set(fd, left - 1);
    return true;
  }

  #isCold(fd: number, offset: number): boolean {
    const bytes = this.#read(fd, this.#byte, offset);
    if (bytes === 0) return !this.#isAtEnd(fd, offset);
    return bytes < 0 && this.#calls.errno() === EAGAIN;
  }

  /** What preadv2 returns. */
  #read(fd: number, buffer: Uint8Array, offset: number): number {
    const address = this.#addresses.of(buffer);
    const vector = this.#vector;
    vector[0] = address;
    vector[1] = Math.floor(address / 2 ** 32);
    vector[2] = buffer.length;
    const { preadv2 } = this.#calls.libc;
    return preadv2(fd, vector, 1, BigInt(offset), RWF_NOWAIT);
  }

  #isAtEnd(fd: number, offset: number): boolean {
    const size = Number(this.#calls.libc.lseek(fd, 0n, SEEK_END));
    return size >= 0 && offset >= size;
  }
}
