import { closeSync, ftruncateSync, openSync } from "node:fs";
import { processLimit } from "../../base/process_limit.ts";
import { OWN_FILE } from "./disk.ts";

/** 2^53 - 1; 16 TiB less a block (ext4); 8 TiB, 2 TiB, 4 GiB - 1. */
const SIZES = [
  Number.MAX_SAFE_INTEGER,
  2 ** 44 - 4096,
  2 ** 43,
  2 ** 41,
  2 ** 32 - 1,
];

/** The largest file that the host can make in a folder. */
export function largestFile(directory: string): number {
  const path = `${directory}/size.probe`;
  const descriptor = openSync(path, "w", OWN_FILE);
  try {
    const limit = processLimit();
    for (const most of SIZES) {
      const size = Math.min(most, limit);
      try {
        ftruncateSync(descriptor, size);
        return size;
      } catch {
        // Too large for this one.
      }
    }
    return 2 ** 31 - 1;
  } finally {
    closeSync(descriptor);
    Deno.removeSync(path);
  }
}
