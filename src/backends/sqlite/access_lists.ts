import {
  type AccessListHolder,
  accessListHolder,
} from "../../vfs/access_list.ts";
import type { Ace } from "../../vfs/acl.ts";
import { FsError } from "../../vfs/mod.ts";
import { aceBytes, acesOfBytes, BYTES_OF_ACE } from "./ace_bytes.ts";
import type { FreeSpace } from "./free_space.ts";
import { needOfList } from "./needs.ts";
import type { SqliteNode } from "./node.ts";
import type { Statements } from "./statements.ts";

/** The access list of a node is to be that one, or none where the mode says it all; as it is where that is left out. */
export type NewList = readonly Ace[] | "mode" | undefined;

/** What {@linkcode AccessLists} works with. */
export interface AccessListsParts {
  readonly sql: Statements;
  readonly room: FreeSpace;
}

/** What a change of a node's list takes: in its transaction, and once that is done. */
export interface ListChange {
  statements(): void;
  after(): void;
}

/**
 * The access list of a node, which is in a row of its own and read when it is asked
 * for: memory knows no more than that there is one. Each list that is set has another
 * object, by which what was judged is told from it.
 */
export class StoredList implements AccessListHolder {
  readonly #fileid: number;
  readonly #sql: Statements;
  /** Whether the node has got another since. */
  isReplaced = false;

  constructor(sql: Statements, fileid: number) {
    this.#sql = sql;
    this.#fileid = fileid;
  }

  /** The entries; throws "io" where they are not there. */
  aces(): readonly Ace[] {
    const bytes = this.#sql.acl(this.#fileid);
    const aces = bytes && acesOfBytes(bytes);
    if (aces !== undefined) return aces;
    throw this.isReplaced
      ? new FsError("busy", "its access list was replaced")
      : new FsError("io", `node ${this.#fileid} lacks its access list`);
  }
}

/** How access lists come, go, and are counted. */
export class AccessLists {
  readonly #parts: AccessListsParts;
  /** What the one weighs that {@linkcode removal} has removed. */
  #going = 0;

  constructor(parts: AccessListsParts) {
    this.#parts = parts;
  }

  /** Bytes that a list counts for. */
  weightOf(list: NewList): number {
    return typeof list === "object"
      ? this.#parts.room.weightOfList(this.bytesOf(list))
      : 0;
  }

  /** Bytes of its entries. */
  bytesOf(list: NewList): number {
    return typeof list === "object" ? list.length * BYTES_OF_ACE : 0;
  }

  /** Prepares another list for a node; throws "quota" or "no-space" where there is no room for it. */
  prepare(node: SqliteNode, list: NewList): ListChange | undefined {
    if (list === undefined) return undefined;
    const { room } = this.#parts;
    const old = node[accessListHolder];
    if (list === "mode" && old === undefined) return undefined;
    const growth = this.weightOf(list) - this.#weightOfStored(node);
    room.take(needOfList(this.bytesOf(list), growth));
    return {
      statements: () => this.write(node.fileid, list),
      after: () => {
        room.grow(growth, true);
        if (old !== undefined) old.isReplaced = true;
        node[accessListHolder] = this.holder(node.fileid, list);
      },
    };
  }

  /** The statement that gives a node a list, or takes it away. */
  write(fileid: number, list: NewList): void {
    const { sql } = this.#parts;
    if (typeof list === "object") sql.putAcl.run(fileid, aceBytes(list));
    else if (list === "mode") sql.deleteAcl.run(fileid);
  }

  /** By what a node has such a list. */
  holder(fileid: number, list: NewList): StoredList | undefined {
    return typeof list === "object"
      ? new StoredList(this.#parts.sql, fileid)
      : undefined;
  }

  /** The statement that removes that of a node which is going. */
  removal(node: SqliteNode): void {
    this.#going = this.#weightOfStored(node);
    if (node[accessListHolder] !== undefined) {
      this.#parts.sql.deleteAcl.run(node.fileid);
    }
  }

  /** After {@linkcode removal}. */
  removed(): void {
    this.#parts.room.grow(-this.#going, true);
    this.#going = 0;
  }

  #weightOfStored({ fileid, [accessListHolder]: list }: SqliteNode): number {
    if (list === undefined) return 0;
    const { room, sql } = this.#parts;
    return room.weightOfList(sql.acl(fileid)?.length ?? 0);
  }
}
