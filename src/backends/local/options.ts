import type { Clock } from "../../base/clock.ts";
import { checkOptionNames, type OptionNames } from "../../base/option_names.ts";
import { checkType, checkWhole, checkWord } from "../../base/option_values.ts";
import type { Turn } from "../../base/turn.ts";
import type { KeptNodes } from "./node_table.ts";
import { mostDescriptors } from "../../base/process_limit.ts";

/** How a folder of the host is served. */
export interface LocalOptions {
  /**
   * When a change of a name or an attribute counts as done. "full" (default):
   * when it is on stable storage, as RFC 8881 18.4.4 and 18.25.4 ask. "os":
   * when the host has it; a crash of the host (not of this server) can lose the
   * last seconds, though never data that a client has committed.
   */
  readonly durability?: "full" | "os" | undefined;
  /**
   * Only this server changes the folder while it is served: clients may then
   * keep what they know of a folder across their own changes (atomic
   * change_info4), and are trusted with files (delegations) without watching
   * those. Default false.
   */
  readonly exclusive?: boolean | undefined;
  /**
   * Whether to call libc directly where Deno may (`--allow-ffi`, Linux):
   * times to the nanosecond, fifos, sockets and devices, and a stat in a third
   * of the time. Default true.
   */
  readonly ffi?: boolean | undefined;
  /**
   * Whether a worker of its own carries the folder, so that a host that does not
   * answer there costs this export alone, and each call some more. If left out:
   * where the folder is on a file system that other hosts or programs serve
   * (NFS, SMB, FUSE …), as far as Deno may ask for that (Linux, `--allow-all`).
   * Not together with {@linkcode LocalOptions.now}.
   */
  readonly apart?: boolean | undefined;
  /** The time of day in milliseconds since 1970, which tells how old a change is. Default `Date.now`. */
  readonly now?: (() => number) | undefined;
  /** Files and folders held open at most; default: half of what the host allows this process. */
  readonly maxDescriptors?: number | undefined;
}

/** The same, and what tests replace. */
export interface HostedOptions extends LocalOptions {
  /** What is believed or done for a time goes by it; the machine's if left out. */
  readonly clock?: Clock | undefined;
  /** Bounds the work that is done at once; the event loop's if left out. */
  readonly turn?: Turn | undefined;
  /** What is remembered of files that no client holds. */
  readonly kept?: KeptNodes | undefined;
}

/** The names of the options, to tell others apart. */
const NAMES: OptionNames<LocalOptions> = {
  durability: true,
  exclusive: true,
  apart: true,
  ffi: true,
  now: true,
  maxDescriptors: true,
};

/** Throws a `TypeError` for an option that there is not, or of another type, a `RangeError` for one out of range. */
export function checkOptions(options: LocalOptions): void {
  checkOptionNames("local", options, NAMES);
  checkWord("durability", options.durability, ["full", "os"]);
  checkType("exclusive", options.exclusive, "boolean");
  checkType("ffi", options.ffi, "boolean");
  checkType("apart", options.apart, "boolean");
  checkType("now", options.now, "function");
  checkWhole("maxDescriptors", options.maxDescriptors, { least: 1 });
  if (options.apart && options.now !== undefined) {
    throw new TypeError("local: now can't be used apart, in another thread");
  }
}

/** Half of the descriptors that the host allows this process. */
export function descriptorBudget(): number {
  return Math.min(65_536, Math.floor(mostDescriptors() / 2));
}
