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
} from "../../base/option_values.ts";
import { ownUser } from "../../host/own_user.ts";
import type { Timestamp } from "../../vfs/mod.ts";
import { systemTime } from "../common/file_times.ts";
import { type Disk, hostDisk } from "./disk.ts";

/**
 * What a reply promises: "full", that everything it tells of survives a power
 * failure; "os", that it survives the end of the server's process, the rest is up
 * to the operating system; "none", nothing, for tests and scratch data.
 */
export type Durability = "full" | "os" | "none";

/** All that it may be. */
export const DURABILITIES = [
  "full",
  "os",
  "none",
] as const satisfies readonly Durability[];

/** How a store is opened. */
export interface SqliteOptions {
  /** What a reply promises; "full" where absent. */
  readonly durability?: Durability | undefined;
  /** Most bytes that the store may take: contents, names, targets, nodes; no limit where absent. */
  readonly quotaBytes?: number | undefined;
  /** Owner of the root of a new store; where absent the user this process runs as. */
  readonly uid?: number | undefined;
  /** Its group; where absent that of this process. */
  readonly gid?: number | undefined;
  /** Its mode; 0o755 where absent. */
  readonly mode?: number | undefined;
  /** The clock; the time of day where absent. */
  readonly now?: (() => Timestamp) | undefined;
  /** @internal Nodes that stay in memory though they are not needed: this to twice as many. */
  readonly keptNodes?: number | undefined;
  /** @internal Bytes in the write-ahead log from which on it is emptied. */
  readonly longLog?: number | undefined;
  /** @internal Bytes of contents that a commit brings to disk itself, while all replies wait for it. */
  readonly commitBytes?: number | undefined;
  /** @internal Shared ranges that a file has at most. */
  readonly mostRanges?: number | undefined;
  /** @internal The disk; a test can have one that fails. */
  readonly disk?: Disk | undefined;
}

const NAMES: OptionNames<SqliteOptions> = {
  durability: true,
  quotaBytes: true,
  uid: true,
  gid: true,
  mode: true,
  now: true,
  keptNodes: true,
  longLog: true,
  commitBytes: true,
  mostRanges: true,
  disk: true,
};

/** The options, with defaults for those that were left out. */
export type CompleteOptions = Complete<SqliteOptions>;

/** Bytes in the write-ahead log from which on it is emptied into the database. */
export const LONG_LOG: number = 2 ** 24;
/** Bytes of contents that a commit brings to disk itself: what a disk of 100 MB/s takes in 40 ms. */
export const COMMIT_BYTES: number = 2 ** 22;
/** Shared ranges of a file: one change takes all of them away, or gives all of them to another. */
export const MOST_RANGES: number = 8192;
const KEPT_NODES = 65_536;

/** The options that are numbers, and what they may be. */
const RANGES = {
  uid: { most: LAST_ID },
  gid: { most: LAST_ID },
  mode: { most: 0o7777 },
  keptNodes: { least: 1 },
  longLog: { least: 1 },
  commitBytes: { least: 0 },
  mostRanges: { least: 1 },
} as const satisfies Partial<Record<keyof SqliteOptions, unknown>>;

/** All options, checked. Throws a `TypeError` for one that there is not, or of another type, a `RangeError` for one out of range. */
export function complete(options: SqliteOptions): CompleteOptions {
  checkOptionNames("sqlite", options, NAMES);
  for (const [name, range] of Object.entries(RANGES)) {
    checkWhole(name, options[name as keyof typeof RANGES], range);
  }
  checkWord("durability", options.durability, DURABILITIES);
  checkType("now", options.now, "function");
  checkType("disk", options.disk, "object");
  const { durability = "full", quotaBytes = Infinity } = options;
  if (quotaBytes !== Infinity) checkWhole("quotaBytes", quotaBytes);
  const own = ownUser();
  const { uid = own.uid, gid = own.gid, mode = 0o755 } = options;
  const { now = systemTime() } = options;
  const { disk = hostDisk, keptNodes = KEPT_NODES, longLog = LONG_LOG } =
    options;
  const { commitBytes = COMMIT_BYTES, mostRanges = MOST_RANGES } = options;
  const internal = { keptNodes, longLog, commitBytes, mostRanges, disk };
  return { durability, quotaBytes, uid, gid, mode, now, ...internal };
}
