import fs from "node:fs";
import type { FileSystemStatus } from "../../vfs/file_system.ts";

/**
 * Room on the disk of the host that has a folder. One that is larger than numbers
 * are exact for, or says that it has no end, counts as the largest that is none.
 */
export function hostRoom(path: string): FileSystemStatus {
  const { bsize, blocks, bfree, bavail, files, ffree } = fs
    .statfsSync(path);
  return {
    totalBytes: atMost(blocks * bsize),
    freeBytes: atMost(bfree * bsize),
    availableBytes: atMost(bavail * bsize),
    totalFiles: atMost(files),
    freeFiles: atMost(ffree),
  };
}

function atMost(count: number): number {
  return Math.min(count, Number.MAX_SAFE_INTEGER);
}
