import type { Timestamp } from "../../vfs/mod.ts";
import { systemClock } from "./clock.ts";

/** How a memory file system is made. */
export interface MemoryOptions {
  /** Bytes of content that it may hold, up to 2^40; 8 GiB where absent. */
  readonly maxBytes?: number;
  /** Nodes that it may hold, up to 2^23; 2^22 where absent. */
  readonly maxFiles?: number;
  /** Owner of the root and of the files that it starts with; 0 where absent. */
  readonly uid?: number;
  /** Their group; 0 where absent. */
  readonly gid?: number;
  /** Mode of the root; 0o755 where absent. */
  readonly mode?: number;
  /** The clock; the time of day where absent. */
  readonly now?: () => Timestamp;
  /**
   * Unsigned, 32 bits: part of every identity, so that a handle of one instance
   * means nothing to another. Random where absent.
   */
  readonly instance?: number;
}

const MAX_UINT32 = 0xffff_ffff;

// A Map, which holds the nodes and the pages of a file, ends at 2^24 entries.
const MOST_BYTES = 2 ** 40;
const MOST_FILES = 2 ** 23;

/** All options, checked. Throws a `RangeError` that names what is out of range. */
export function complete(options: MemoryOptions): Required<MemoryOptions> {
  const { maxBytes = 2 ** 33, maxFiles = 2 ** 22 } = options;
  const { uid = 0, gid = 0, mode = 0o755, now = systemClock() } = options;
  const { instance = crypto.getRandomValues(new Uint32Array(1))[0] } = options;
  checkRange("maxBytes", maxBytes, MOST_BYTES);
  checkRange("maxFiles", maxFiles, MOST_FILES, 1);
  checkRange("uid", uid, MAX_UINT32);
  checkRange("gid", gid, MAX_UINT32);
  checkRange("mode", mode, 0o7777);
  checkRange("instance", instance, MAX_UINT32);
  return { maxBytes, maxFiles, uid, gid, mode, now, instance };
}

function checkRange(name: string, value: number, most: number, least = 0) {
  if (Number.isInteger(value) && value >= least && value <= most) return;
  throw new RangeError(
    `${name} must be a whole number from ${least} to ${most}, not ${value}`,
  );
}
