import { askedBy } from "../../base/asker.ts";
import { SharedRoom } from "../../base/shared_room.ts";
import type { AccessList } from "../../vfs/access_list.ts";
import { FsError } from "../../vfs/errors.ts";
import type { Timestamp } from "../../vfs/file_system.ts";
import type { Clock } from "../../base/clock.ts";
import type { WallClock } from "../../base/wall_clock.ts";
import { toFsError } from "./errno.ts";
import type { Host, HostStat } from "./host.ts";
import { type LocalNode, Misplaced } from "./node.ts";
import type { Tree } from "./tree.ts";

/** How long a list is believed of a folder that we change ourselves, in milliseconds. */
const TRUST = 1000;

/** Entries of all lists that are kept; a list counts for some more than it has. */
export const MOST_ENTRIES: number = 2 ** 17;
const LIST_COUNTS = 8;

/** The access list of a node, or that it has none, as it was with this ctime. */
export interface KnownList {
  readonly ctime: Timestamp;
  readonly list: AccessList | undefined;
  /** Until when that is believed, in milliseconds; 0 where ctime might not tell of another list. */
  readonly until: number;
}

/**
 * The host's access lists, for the server may do what the host would keep its
 * callers from. A list is asked for when it is to be judged by, and again when
 * the file's ctime is another.
 */
export class AccessLists {
  readonly #host: Host;
  readonly #tree: Tree;
  readonly #clock: Clock;
  readonly #now: WallClock;
  /** Nodes with lists that name users or groups: a host's user may have thousands of them named. */
  readonly #room = new SharedRoom<LocalNode>(MOST_ENTRIES, {
    giveUp: (node) => node.list = undefined,
  });

  constructor(
    tree: Tree,
    { clock, now }: { readonly clock: Clock; readonly now: WallClock },
  ) {
    this.#host = tree.host;
    this.#tree = tree;
    this.#clock = clock;
    this.#now = now;
  }

  /** The list of a node that the host has told of. */
  of(node: LocalNode): AccessList | undefined {
    // Linux has none of symlinks.
    if (node.type === "symlink") return undefined;
    const { ctime } = node.told ?? this.#tree.stat(node);
    const known = node.list;
    if (
      known !== undefined && isSame(known.ctime, ctime) &&
      this.#clock.now() < known.until
    ) {
      this.#room.use(node);
      return known.list;
    }
    const list = this.#read(node, "access");
    // Within a tick of its clock the host may set another list with the same ctime.
    const age = this.#now() - ctime.seconds * 1000 - ctime.nanoseconds / 1e6;
    const isLasting = age > 2 * this.#host.tick / 1000;
    node.list = { ctime, list, until: isLasting ? Infinity : 0 };
    const entries = list === undefined ? 0 : list.users.size + list.groups.size;
    if (entries === 0) this.#room.delete(node);
    else this.#room.keep(node, askedBy().party, LIST_COUNTS + entries);
    return list;
  }

  /**
   * We changed the entries of a folder, and with that its ctime, not its list. That
   * the host has set another one in the same moment is seen a second later.
   */
  changed(node: LocalNode, before: HostStat, after: HostStat): void {
    const known = node.list;
    if (known === undefined || !isSame(known.ctime, before.ctime)) return;
    const end = this.#clock.now() + TRUST;
    const isKept = known.until > 0 && known.until < end;
    const until = isKept ? known.until : end;
    node.list = { ctime: after.ctime, list: known.list, until };
  }

  /** A folder's list for what is made in it. */
  given(directory: LocalNode): AccessList | undefined {
    return this.#read(directory, "default");
  }

  /** Whether there is one. */
  isGiven(directory: LocalNode): boolean {
    return this.given(directory) !== undefined;
  }

  #read(node: LocalNode, kind: "access" | "default"): AccessList | undefined {
    try {
      const read = (path: string) => this.#host.accessList(path, kind);
      return this.#tree.exactly(node, read);
    } catch (error) {
      // The caller is judged anew, and the node looked for.
      if (error instanceof Misplaced) throw new FsError("busy", error.message);
      throw toFsError(error);
    }
  }
}

function isSame(a: Timestamp, b: Timestamp): boolean {
  return a.nanoseconds === b.nanoseconds && a.seconds === b.seconds;
}
