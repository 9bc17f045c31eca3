import { Addresses } from "./addresses.ts";
import type { HostCalls } from "./host_calls.ts";

/** FS_IOC_FIEMAP: which extents a file has. */
const FIEMAP = 0xc020660bn;
/** Number of `struct fiemap` that has how many were found, of 32 bits each. */
const MAPPED = 5;
/** Of `struct statfs`, which is 120 bytes. */
const STATFS_WORDS = 15;
/** A file system that has no disk. */
const TMPFS = 0x01021994n;

/**
 * Tells whether the host knows where in a file there is data, by other threads: an
 * error number that a call has there is not to be had here.
 */
export class ExtentCounts {
  readonly #calls: HostCalls;
  readonly #addresses = new Addresses();

  constructor(calls: HostCalls) {
    this.#calls = calls;
  }

  /**
   * Whether the host can go through all that an open file has from `offset` on. False
   * where its file system has no call for that, and may err (FUSE, NFS).
   */
  async areKnown(fd: number, offset: number): Promise<boolean> {
    return await this.#count(fd, offset) !== undefined ||
      await this.#isInMemory(fd);
  }

  /** How many extents there are: none of them is asked for, so all are looked at. */
  async #count(fd: number, offset: number): Promise<number | undefined> {
    const rest = 2n ** 64n - 1n - BigInt(offset);
    const request = new BigUint64Array([BigInt(offset), rest, 0n, 0n]);
    const { libc } = this.#calls;
    const address = this.#addressOf(request);
    if (await libc.ioctl_later(fd, FIEMAP, address) !== 0) return undefined;
    // It is used until here, or it could be collected.
    return new Uint32Array(request.buffer)[MAPPED];
  }

  /** Where nothing is on a disk, an lseek has nothing to fail for. */
  async #isInMemory(fd: number): Promise<boolean> {
    const { libc, isClosed } = this.#calls;
    if (isClosed) return false;
    const status = new BigUint64Array(STATFS_WORDS);
    return await libc.fstatfs_later(fd, this.#addressOf(status)) === 0 &&
      status[0] === TMPFS;
  }

  #addressOf({ buffer }: BigUint64Array<ArrayBuffer>): bigint {
    return BigInt(this.#addresses.of(new Uint8Array(buffer)));
  }
}
