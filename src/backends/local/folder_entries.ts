import fs from "node:fs";
import { hostError } from "../../base/host_error.ts";
import { FsError } from "../../vfs/errors.ts";
import { decodeRaw } from "../../base/raw_names.ts";
import type { HostCalls } from "../common/host_calls.ts";
import type { HostListing } from "./host.ts";
import { inodeNumber } from "./statx.ts";

const { O_DIRECTORY, O_RDONLY } = fs.constants;
const ENOENT = 2;
const DT_UNKNOWN = 0;
const DT_DIR = 4;
/** Room for some hundred entries of a folder. */
const PART_BYTES = 32 * 1024;
/**
 * Bytes that a folder takes from which on another thread reads it: some file systems
 * (ext4) never make one smaller, and go through all that is empty within one call.
 */
export const ONCE_LARGE = 1024 * 1024;

/** Whether the host may go through much that is empty to find the next entry of a folder. */
export function isOnceLarge({ size }: { readonly size: number }): boolean {
  return size > ONCE_LARGE;
}

/** The entries of folders, by getdents64(2). */
export class FolderEntries {
  readonly #calls: HostCalls;
  readonly #entries = new Uint8Array(PART_BYTES);

  constructor(calls: HostCalls) {
    this.#calls = calls;
  }

  /** Those of the folder that `path` leads to; `numbered` where their inode numbers are those that `stat` tells. */
  *list(
    path: string,
    { numbered }: { readonly numbered: boolean },
  ): Generator<HostListing, void> {
    const fd = fs.openSync(path, O_RDONLY | O_DIRECTORY);
    try {
      for (;;) {
        const room = BigInt(this.#entries.length);
        const bytes = Number(
          this.#calls.libc.getdents64(fd, this.#entries, room),
        );
        if (bytes < 0) throw hostError(this.#calls.errno(), "getdents64");
        if (bytes === 0) return;
        yield parse(this.#entries.subarray(0, bytes), numbered);
      }
    } finally {
      fs.closeSync(fd);
    }
  }

  /** The same, each part read by another thread. It is to be read to its end, or to be closed by `return`. */
  listLater(
    path: string,
    { numbered }: { readonly numbered: boolean },
  ): AsyncIterableIterator<HostListing> {
    const fd = fs.openSync(path, O_RDONLY | O_DIRECTORY);
    return new LaterEntries(this.#calls, fd, numbered);
  }
}

/** The entries of an open folder, which is closed with the last part. */
class LaterEntries implements AsyncIterableIterator<HostListing> {
  readonly #calls: HostCalls;
  readonly #fd: number;
  readonly #numbered: boolean;
  readonly #entries = new Uint8Array(PART_BYTES);
  #isClosed = false;

  constructor(calls: HostCalls, fd: number, numbered: boolean) {
    this.#calls = calls;
    this.#fd = fd;
    this.#numbered = numbered;
  }

  async next(): Promise<IteratorResult<HostListing, undefined>> {
    if (this.#isClosed) return { done: true, value: undefined };
    const entries = this.#entries;
    const room = BigInt(entries.length);
    const { libc, isClosed } = this.#calls;
    // It has stood in line for longer than the folder was served.
    if (isClosed) {
      this.#close();
      throw new FsError("stale", "no longer served");
    }
    const bytes = Number(await libc.getdents64_later(this.#fd, entries, room));
    if (bytes > 0) {
      const value = parse(entries.subarray(0, bytes), this.#numbered);
      return { value };
    }
    // The number of an error is the other thread's.
    const isGone = bytes < 0 && fs.fstatSync(this.#fd).nlink === 0;
    this.#close();
    if (isGone) throw hostError(ENOENT, "getdents64");
    if (bytes < 0) throw new FsError("io", "the host could not list a folder");
    return { done: true, value: undefined };
  }

  return(): Promise<IteratorResult<HostListing, undefined>> {
    this.#close();
    return Promise.resolve({ done: true, value: undefined });
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  #close(): void {
    if (!this.#isClosed) fs.closeSync(this.#fd);
    this.#isClosed = true;
  }
}

function parse(buffer: Uint8Array, numbered: boolean): HostListing {
  const listing: HostListing = { names: [], inodes: [], folders: [] };
  const bytes = buffer.length;
  const view = new DataView(buffer.buffer, 0, bytes);
  let length: number;
  for (let at = 0; at < bytes; at += length) {
    length = view.getUint16(at + 16, true);
    const name = decodeName(buffer, at + 19);
    if (name === "." || name === "..") continue;
    const type = buffer[at + 18];
    listing.names.push(name);
    if (numbered) {
      listing.inodes.push(
        inodeNumber(view.getUint32(at, true), view.getUint32(at + 4, true)),
      );
    }
    listing.folders.push(
      type === DT_DIR ? 1 : type === DT_UNKNOWN ? -1 : 0,
    );
  }
  return listing;
}

/** The name up to its NUL. */
function decodeName(buffer: Uint8Array, start: number): string {
  let end = start;
  let ascii = 0;
  while (buffer[end] !== 0) ascii |= buffer[end++]!;
  if (ascii < 0x80 && end - start < 64) {
    // At once: a string that grows keeps all that it was made of.
    return String.fromCharCode.apply(
      null,
      buffer.subarray(start, end) as unknown as number[],
    );
  }
  return decodeRaw(buffer.subarray(start, end));
}
