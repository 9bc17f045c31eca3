import { getHeapStatistics } from "node:v8";
import {
  checkOptionNames,
  type Complete,
  type OptionNames,
} from "../../base/option_names.ts";
import {
  checkType,
  checkWhole,
  checkWord,
  LAST_ID,
  MAX_UINT32,
} from "../../base/option_values.ts";
import type { Timestamp, Trust } from "../../vfs/mod.ts";
import { TRUSTS } from "../../vfs/trust.ts";
import { systemTime } from "../common/file_times.ts";

/** How a memory file system is made. */
export interface MemoryOptions {
  /**
   * Bytes of memory that it may take, up to 2^40: content, and what nodes, names
   * and symlinks take. Twice what V8's heap may be where absent, 8 GiB at most:
   * that is half of the machine's memory, as a rule.
   */
  readonly maxBytes?: number | undefined;
  /** Nodes that it may hold, up to 2^23; 2^22 where absent. */
  readonly maxFiles?: number | undefined;
  /** Owner of the root and of the files that it starts with; 0 where absent. */
  readonly uid?: number | undefined;
  /** Their group; 0 where absent. */
  readonly gid?: number | undefined;
  /** Mode of the root; 0o755 where absent. */
  readonly mode?: number | undefined;
  /**
   * What has to speak for a caller where the export does not say (see
   * `ExportOptions.trust`). "any" where absent: a client that can reach the
   * port may be any user, for a tree that was made up has no owner on the host
   * to guard.
   */
  readonly trust?: Trust | undefined;
  /** The clock; the time of day where absent. */
  readonly now?: (() => Timestamp) | undefined;
  /**
   * Unsigned, 32 bits: part of every identity, so that a handle of one instance
   * means nothing to another. Random where absent.
   */
  readonly instance?: number | undefined;
}

const NAMES: OptionNames<MemoryOptions> = {
  maxBytes: true,
  maxFiles: true,
  uid: true,
  gid: true,
  mode: true,
  trust: true,
  now: true,
  instance: true,
};

// A Map, which holds the nodes and the pages of a file, ends at 2^24 entries.
/** The most that {@linkcode MemoryOptions.maxBytes} may be. */
export const MOST_BYTES: number = 2 ** 40;
const MOST_FILES = 2 ** 23;
/** The most that it is where it is absent. */
export const MOST_BY_ITSELF: number = 2 ** 33;

/** The options that are numbers, and what they may be. */
const RANGES = {
  maxBytes: { most: MOST_BYTES },
  maxFiles: { least: 1, most: MOST_FILES },
  uid: { most: LAST_ID },
  gid: { most: LAST_ID },
  mode: { most: 0o7777 },
  instance: { most: MAX_UINT32 },
} as const satisfies Partial<Record<keyof MemoryOptions, unknown>>;

/** All options, and what only the machine decides. */
export interface CompleteOptions extends Complete<MemoryOptions> {
  /** Bytes of `maxBytes` that objects may take: nodes and names, all but content. */
  readonly maxHeap: number;
}

/** All options, checked. Throws a `TypeError` for one that there is not, or of another type, a `RangeError` for one out of range. */
export function complete(options: MemoryOptions): CompleteOptions {
  checkOptionNames("memory", options, NAMES);
  for (const [name, range] of Object.entries(RANGES)) {
    checkWhole(name, options[name as keyof typeof RANGES], range);
  }
  checkWord("trust", options.trust, TRUSTS);
  checkType("now", options.now, "function");
  const heap = getHeapStatistics().heap_size_limit;
  const { maxBytes = Math.min(MOST_BY_ITSELF, 2 * heap), maxFiles = 2 ** 22 } =
    options;
  const { uid = 0, gid = 0, mode = 0o755, now = systemTime() } = options;
  const { trust = "any" } = options;
  const { instance = crypto.getRandomValues(new Uint32Array(1))[0]! } = options;
  // The rest is for what the server remembers, and for requests.
  const maxHeap = Math.floor(heap / 4);
  const owner = { uid, gid, mode, trust };
  return { maxBytes, maxFiles, maxHeap, ...owner, now, instance };
}
