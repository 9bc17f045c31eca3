import fs, { closeSync, fdatasyncSync, ftruncateSync, openSync } from "node:fs";
import type { StatementSync } from "node:sqlite";
import type { Awaitable } from "../../base/awaitable.ts";
import {
  type CachedReader,
  CachedReads,
  PacedReads,
} from "../common/cached_reads.ts";
import type { HostCalls } from "../common/host_calls.ts";
import { hostRoom } from "../common/host_room.ts";
import { hostThreads } from "../common/host_threads.ts";
import { isFarFrom, resizeLater } from "../common/long_calls.ts";

/**
 * Modes of what a store makes. Its files hold those of all users: on the host
 * the permissions of each are not asked for.
 */
export const OWN_FILE = 0o600;
/** The same of folders. */
export const OWN_FOLDER = 0o700;

/** What the store asks of the host's disk, apart from reading and writing. */
export interface Disk {
  /** Runs a COMMIT, which writes the open transaction to the log and syncs nothing. */
  commit(statement: StatementSync): void;
  /** Brings what was written to the open file to stable storage, while others work. */
  sync(descriptor: number): Promise<void>;
  /** The same, at once. */
  syncNow(descriptor: number): void;
  /** What reads open files from the host's memory, by libc where Deno may call it. */
  reader(calls: HostCalls | undefined): CachedReader;
  /**
   * Takes away what of an open file is at `size` and beyond: at once, or while
   * others work where that takes long. `now`: its size, the bytes that it takes,
   * and whether the host has the cut wait: for other threads that read, or for what
   * it keeps of the last block.
   */
  cut(
    descriptor: number,
    size: number,
    now: {
      readonly size: number;
      readonly used: number;
      readonly isHeldUp: boolean;
    },
  ): Awaitable<void>;
  /** Bytes in all and bytes free on the disk of a folder. */
  room(directory: string): { readonly total: number; readonly free: number };
}

/** The disk of the host. */
export const hostDisk: Disk = {
  commit: (statement) => void statement.run(),
  sync: (descriptor) =>
    hostThreads.short.run(() =>
      new Promise((resolve, reject) =>
        fs.fdatasync(descriptor, (error) => error ? reject(error) : resolve())
      )
    ),
  syncNow: fdatasyncSync,
  reader: (calls) =>
    calls === undefined ? new PacedReads() : new CachedReads(calls),
  cut(descriptor, size, now) {
    const isLong = isFarFrom(now, size);
    if (!isLong && !now.isHeldUp) return ftruncateSync(descriptor, size);
    const threads = isLong ? hostThreads.long : hostThreads.short;
    return threads.run(() => resizeLater(descriptor, size));
  },
  room(directory) {
    const { totalBytes, availableBytes } = hostRoom(directory);
    return { total: totalBytes, free: availableBytes };
  },
};

/** Brings the names in a folder to stable storage, at once. */
export function syncFolder(path: string, disk: Disk): void {
  const folder = openSync(path, "r");
  try {
    disk.syncNow(folder);
  } finally {
    closeSync(folder);
  }
}
