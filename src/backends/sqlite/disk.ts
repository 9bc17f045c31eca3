import { fdatasync, fdatasyncSync, statfsSync } from "node:fs";

/** What the store asks of the host's disk, apart from reading and writing. */
export interface Disk {
  /** Brings what was written to the open file to stable storage, while others work. */
  sync(descriptor: number): Promise<void>;
  /** The same, at once. */
  syncNow(descriptor: number): void;
  /** Bytes in all and bytes free on the disk of a folder. */
  room(directory: string): { readonly total: number; readonly free: number };
}

/** The disk of the host. */
export const hostDisk: Disk = {
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
