import type { Clock } from "../base/clock.ts";
import { isOutOfRoom, withRoom } from "../base/out_of_room.ts";
import { type End, keyOfRow, rowKeys, userOfRow } from "./socket_table.ts";

/** Opens one of the host's tables, as text in pieces; throws where it can't be read. */
export type OpenTable = (path: string) => AsyncIterable<string>;

/** IPv4 first: nearly all peers are there, and a look ends with the last that was sought. */
const TABLES = ["/proc/net/tcp", "/proc/net/tcp6"] as const;
/** Reads in one turn: the kernel gives a page at a time, and a turn for each costs as much again. */
const READS_A_TURN = 8;
/** Looks for one socket: a row can slip through one while others come and go (the kernel resumes by position). */
const LOOKS = 2;

interface Search {
  readonly keys: readonly string[];
  readonly found: (uid: number | undefined) => void;
  readonly failed: (error: unknown) => void;
  readonly isGone: () => boolean;
  looks: number;
}

/**
 * By the keys of each: several may be after one socket, whose port was that of
 * another a moment ago, which its program has reset.
 */
type Sought = Map<string, Search[]>;

/**
 * Tells whose the sockets of this host are, by the kernel's own table (Linux,
 * proc(5)). There is one look through it at a time, some pages a turn; callers
 * that ask meanwhile share the next one. So neither a large table nor a crowd
 * of connections keeps the event loop.
 */
export class SocketOwners {
  readonly #open: OpenTable;
  #waiting: Search[] = [];
  #isLooking = false;

  /** `open`: the host's tables, if left out. */
  constructor(open: OpenTable) {
    this.#open = open;
  }

  /**
   * The user that made the socket whose own end is `own`, connected to `other`;
   * `undefined` where no process of this host holds one, or not any more.
   * Rejects where descriptors have run out: a connection may last for days, and
   * its judgement with it. Where it `isGone` there is no look for it alone.
   */
  find(
    own: End,
    other: End,
    isGone: () => boolean = () => false,
  ): Promise<number | undefined> {
    return new Promise((found, failed) => {
      const keys = rowKeys(own, other);
      this.#waiting.push({ keys, found, failed, isGone, looks: 0 });
      if (!this.#isLooking) this.#look();
    });
  }

  /** Never rejects: what goes wrong is the searches' to hear. */
  async #look(): Promise<void> {
    this.#isLooking = true;
    while (this.#waiting.length > 0) {
      const searches = this.#waiting;
      this.#waiting = [];
      const sought: Sought = new Map();
      for (const search of searches) {
        if (search.isGone()) {
          search.found(undefined);
          continue;
        }
        for (const key of search.keys) {
          const same = sought.get(key);
          if (same === undefined) sought.set(key, [search]);
          else same.push(search);
        }
      }
      try {
        for (const path of TABLES) {
          if (sought.size > 0) await this.#lookIn(path, sought);
        }
      } catch (error) {
        for (const { failed } of left(sought)) failed(error);
        continue;
      }
      for (const search of left(sought)) {
        if (++search.looks < LOOKS) this.#waiting.push(search);
        else search.found(undefined);
      }
    }
    this.#isLooking = false;
  }

  /** Throws where there is no room to look. */
  async #lookIn(path: string, sought: Sought): Promise<void> {
    try {
      let rest = "";
      for await (const chunk of this.#open(path)) {
        const rows = (rest + chunk).split("\n");
        rest = rows.pop()!;
        for (const row of rows) settle(row, sought);
        if (sought.size === 0) return;
      }
    } catch (error) {
      if (isOutOfRoom(error)) throw error;
      // Unreadable by now: no owner is found, so no peer is believed.
    }
  }
}

function settle(row: string, sought: Sought): void {
  const key = keyOfRow(row);
  const searches = key === undefined ? undefined : sought.get(key);
  if (searches === undefined) return;
  for (const { keys, found } of searches) {
    for (const each of keys) sought.delete(each);
    found(userOfRow(row));
  }
}

/** The callers that have not found anything yet. */
function left(sought: Sought): Set<Search> {
  return new Set([...sought.values()].flat());
}

/** Whether this process may see whose the host's sockets are. */
export function canTellOwners(): boolean {
  const [path] = TABLES;
  if (Deno.build.os !== "linux") return false;
  // Asked first: a missing permission would otherwise prompt on a terminal.
  const { state } = Deno.permissions.querySync({ name: "read", path });
  if (state !== "granted") return false;
  try {
    // Deno wants all permissions for /proc.
    Deno.openSync(path).close();
    return true;
  } catch {
    return false;
  }
}

/** The tables of this host, waiting by `clock` for a descriptor. */
export function hostTables(clock: Clock): OpenTable {
  return async function* (path) {
    let file: Deno.FsFile;
    try {
      file = await withRoom(clock, () => Deno.open(path));
    } catch (error) {
      // A host without IPv6 has no table of it.
      if (error instanceof Deno.errors.NotFound) return;
      throw error;
    }
    using _ = file;
    const decoder = new TextDecoder();
    const buffer = new Uint8Array(16_384);
    for (let reads = 1;; reads++) {
      const length = reads % READS_A_TURN === 0
        ? await file.read(buffer)
        : file.readSync(buffer);
      if (length === null) return;
      yield decoder.decode(buffer.subarray(0, length));
    }
  };
}
