import fs from "node:fs";
import { hostError } from "../../base/host_error.ts";
import { decodeRaw } from "../../base/raw_names.ts";
import type { HostCalls } from "../common/host_calls.ts";
import type { HostListing } from "./host.ts";
import { inodeNumber } from "./statx.ts";

const { O_DIRECTORY, O_RDONLY } = fs.constants;
const DT_UNKNOWN = 0;
const DT_DIR = 4;

/** The entries of folders, by getdents64(2). */
export class FolderEntries {
  readonly #calls: HostCalls;
  /** Room for some hundred entries of a folder. */
  readonly #entries = new Uint8Array(32 * 1024);

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
        yield this.#parse(bytes, numbered);
      }
    } finally {
      fs.closeSync(fd);
    }
  }

  #parse(bytes: number, numbered: boolean): HostListing {
    const listing: HostListing = { names: [], inodes: [], folders: [] };
    const buffer = this.#entries;
    const view = new DataView(buffer.buffer);
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
