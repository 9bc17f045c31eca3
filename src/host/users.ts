import type { Clock } from "../base/clock.ts";
import { LAST_ID } from "../base/option_values.ts";
import { isOutOfRoom, withRoom } from "../base/out_of_room.ts";
import { RecentMap } from "../base/recent_map.ts";
import type { UserNumbers } from "../rpc/auth.ts";

/**
 * Reads one of the host's tables of users; `undefined` where it can't be read, or
 * is too large to. Rejects where descriptors have run out.
 */
export type ReadTable = (path: string) => Promise<string | undefined>;

/** The group of a user that the host's tables don't know: that of no other user, as a rule. */
const NO_GROUP = 65_534;
/** Milliseconds for which a user's groups are believed. */
export const LIFE = 10_000;
const MAX_USERS = 512;
const MAX_GROUPS = 1_024;
/** Bytes of the largest table that is read. */
export const MAX_TABLE = 1_048_576;

/** Options of {@linkcode HostUsers}. */
export interface HostUsersOptions {
  /** What their age goes by. */
  readonly clock: Clock;
  /** The host's tables, if left out. */
  readonly read?: ReadTable;
}

/**
 * The groups of this host's users, as /etc/passwd and /etc/group have them;
 * users from elsewhere (LDAP) have none. What was read is good for ten seconds.
 */
export class HostUsers {
  readonly #clock: Clock;
  readonly #read: ReadTable;
  readonly #known = new RecentMap<
    number,
    { readonly at: number; readonly user: Promise<UserNumbers> }
  >(MAX_USERS);

  /** Reads nothing yet. */
  constructor({ clock, read = readTable(clock) }: HostUsersOptions) {
    this.#clock = clock;
    this.#read = read;
  }

  /** A user with its groups. Rejects where descriptors have run out. */
  find(uid: number): Promise<UserNumbers> {
    const known = this.#known.get(uid);
    const at = this.#clock.now();
    if (known !== undefined && at - known.at < LIFE) return known.user;
    const user = this.#look(uid);
    this.#known.set(uid, { at, user });
    user.catch(() => this.#known.delete(uid));
    return user;
  }

  async #look(uid: number): Promise<UserNumbers> {
    const account = findUser(await this.#read("/etc/passwd") ?? "", uid);
    if (account === undefined) return { uid, gid: NO_GROUP, gids: [] };
    const { name, gid } = account;
    const gids = findGroups(await this.#read("/etc/group") ?? "", name);
    return { uid, gid, gids };
  }
}

/** passwd(5): name, password, user, group. */
function findUser(
  table: string,
  uid: number,
): { readonly name: string; readonly gid: number } | undefined {
  for (const line of table.split("\n")) {
    const [name = "", , user, gid] = line.split(":");
    if (name === "" || user !== String(uid) || !isId(gid)) continue;
    return { name, gid: Number(gid) };
  }
  return undefined;
}

/** group(5): name, password, group, users. */
function findGroups(table: string, user: string): number[] {
  const gids = new Set<number>();
  for (const line of table.split("\n")) {
    const [, , gid, users = ""] = line.split(":");
    if (!isId(gid) || !users.split(",").includes(user)) continue;
    gids.add(Number(gid));
    if (gids.size === MAX_GROUPS) break;
  }
  return [...gids];
}

function isId(text: string | undefined): boolean {
  return text !== undefined && /^\d{1,10}$/.test(text) &&
    Number(text) <= LAST_ID;
}

/** The host's tables; waits by `clock` for a descriptor. */
export function readTable(clock: Clock): ReadTable {
  return async (path) => {
    try {
      const { size } = await Deno.stat(path);
      if (size > MAX_TABLE) return undefined;
      return await withRoom(clock, () => Deno.readTextFile(path));
    } catch (error) {
      if (isOutOfRoom(error)) throw error;
      return undefined;
    }
  };
}
