import {
  closeSync,
  fdatasync,
  fdatasyncSync,
  openSync,
  statfsSync,
} from "node:fs";
import type { StatementSync } from "node:sqlite";

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
  /** Bytes in all and bytes free on the disk of a folder. */
  room(directory: string): { readonly total: number; readonly free: number };
}

/** The disk of the host. */
export const hostDisk: Disk = {
  commit: (statement) => void statement.run(),
  sync: (descriptor) =>
    new Promise((resolve, reject) =>
      fdatasync(descriptor, (error) => error ? reject(error) : resolve())
    ),
  syncNow: fdatasyncSync,
  room(directory) {
    const { bsize, blocks, bavail } = statfsSync(directory);
    return { total: bsize * blocks, free: bsize * bavail };
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
