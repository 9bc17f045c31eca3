import type { Clock } from "../base/clock.ts";
import { LIFE, type ReadTable, readTable } from "./users.ts";

/** Users of this host that are another's own: subuid(5). */
interface Range {
  readonly first: number;
  readonly count: number;
  /** The user that they were given to. */
  readonly owner: number;
}

interface Tables {
  /** Users of passwd(5). */
  readonly users: ReadonlySet<number>;
  readonly ranges: readonly Range[];
}

/** Options of {@linkcode SubordinateIds}. */
export interface SubordinateIdsOptions {
  /** What the age of the tables goes by. */
  readonly clock: Clock;
  /** The host's tables, if left out. */
  readonly read?: ReadTable;
}

const ROOT = 0;

/**
 * Whose the users are that a user makes for its containers: on most hosts each
 * has 65,536 of them by /etc/subuid, and is as many users as it likes. What was
 * read is good for ten seconds.
 */
export class SubordinateIds {
  readonly #clock: Clock;
  readonly #read: ReadTable;
  #known: { readonly at: number; readonly tables: Promise<Tables> } | undefined;

  /** Reads nothing yet. */
  constructor({ clock, read = readTable(clock) }: SubordinateIdsOptions) {
    this.#clock = clock;
    this.#read = read;
  }

  /**
   * The user that `uid` was given to, or `uid` itself. Where that is root, or a
   * user whom passwd(5) does not know, the first of its users stands for them
   * all. Rejects where descriptors have run out.
   */
  async ownerOf(uid: number): Promise<number> {
    if (uid === ROOT) return uid;
    const { users, ranges } = await this.#tables();
    if (users.has(uid)) return uid;
    const range = ranges.find(({ first, count }) =>
      uid >= first && uid < first + count
    );
    return range?.owner ?? uid;
  }

  #tables(): Promise<Tables> {
    const at = this.#clock.now();
    if (this.#known !== undefined && at - this.#known.at < LIFE) {
      return this.#known.tables;
    }
    const known = { at, tables: this.#look() };
    this.#known = known;
    known.tables.catch(() => {
      if (this.#known === known) this.#known = undefined;
    });
    return known.tables;
  }

  async #look(): Promise<Tables> {
    const names = new Map<string, number>();
    for (const [name, , uid] of rows(await this.#read("/etc/passwd"))) {
      if (name && isNumber(uid)) names.set(name, Number(uid));
    }
    const ranges: Range[] = [];
    const owners = new Map<string, number>();
    for (const [name, first, count] of rows(await this.#read("/etc/subuid"))) {
      if (!name || !isNumber(first) || !isNumber(count)) continue;
      let owner = owners.get(name);
      if (owner === undefined) {
        owner = names.get(name) ?? (isNumber(name) ? Number(name) : ROOT);
        // What runs in root's containers is not root.
        if (owner === ROOT) owner = Number(first);
        owners.set(name, owner);
      }
      ranges.push({ first: Number(first), count: Number(count), owner });
    }
    return { users: new Set(names.values()), ranges };
  }
}

function rows(table = ""): string[][] {
  return table.split("\n").map((line) => line.split(":"));
}

function isNumber(text: string | undefined): boolean {
  return text !== undefined && /^\d{1,10}$/.test(text);
}
