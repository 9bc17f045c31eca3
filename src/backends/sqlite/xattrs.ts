import type { DatabaseSync, StatementSync } from "node:sqlite";
import { equals } from "@std/bytes";
import { type ChangeInfo, FsError, type Timestamp } from "../../vfs/mod.ts";
import { type NewXattr, useWith, type XattrUse } from "../common/xattrs.ts";
import { attempt } from "./errors.ts";
import type { FreeSpace } from "./free_space.ts";
import { needOfXattr } from "./needs.ts";
import { type SqliteNode, unchanged } from "./node.ts";
import type { NodeTable } from "./node_table.ts";
import type { Transaction } from "./transaction.ts";

/** What {@linkcode Xattrs} works with. */
export interface XattrsParts {
  readonly transaction: Transaction;
  readonly nodes: NodeTable;
  readonly room: FreeSpace;
  readonly now: () => Timestamp;
}

/**
 * The extended attributes of all files and folders: rows of the database, in the
 * transaction of the change of their node. None is kept in memory.
 */
export class Xattrs {
  readonly #parts: XattrsParts;
  readonly #select: StatementSync;
  readonly #selectNames: StatementSync;
  readonly #measure: StatementSync;
  readonly #put: StatementSync;
  readonly #delete: StatementSync;
  readonly #deleteAll: StatementSync;
  /** Whether there may be any: most stores have none, and nothing is asked then. */
  #areAny: boolean;
  /** What those weigh that {@linkcode removal} has removed. */
  #going = 0;

  /** Those of a database. */
  constructor(db: DatabaseSync, parts: XattrsParts) {
    this.#parts = parts;
    this.#select = db.prepare(
      "SELECT value FROM xattrs WHERE fileid = ? AND name = ?",
    );
    this.#selectNames = db.prepare(
      "SELECT name FROM xattrs WHERE fileid = ? ORDER BY name",
    );
    // Of a value no more is read than its length.
    this.#measure = db.prepare(
      `SELECT count(*) AS count,
         coalesce(sum(length(CAST(name AS BLOB)) + length(value)), 0) AS bytes
       FROM xattrs WHERE fileid = ?`,
    );
    this.#put = db.prepare(
      `INSERT INTO xattrs VALUES (?, ?, ?)
       ON CONFLICT DO UPDATE SET value = excluded.value`,
    );
    this.#delete = db.prepare(
      "DELETE FROM xattrs WHERE fileid = ? AND name = ?",
    );
    this.#deleteAll = db.prepare("DELETE FROM xattrs WHERE fileid = ?");
    const first = db.prepare("SELECT 1 FROM xattrs LIMIT 1").get();
    this.#areAny = first !== undefined;
  }

  /** The value of one, if it is there. */
  get({ fileid }: SqliteNode, name: string): Uint8Array | undefined {
    if (!this.#areAny) return undefined;
    const row = attempt(() => this.#select.get(fileid, name));
    return row?.value as Uint8Array | undefined;
  }

  /** The names of all that a node has. */
  names({ fileid }: SqliteNode): string[] {
    if (!this.#areAny) return [];
    const rows = attempt(() => this.#selectNames.all(fileid));
    return rows.map(({ name }) => name as string);
  }

  /** Bytes of all that a node has. */
  bytesOf(node: SqliteNode): number {
    return this.#areAny ? this.#useOf(node).bytes : 0;
  }

  /** Makes or replaces one; throws "quota" or "no-space" where there is no room for it. */
  set(node: SqliteNode, made: NewXattr): ChangeInfo {
    const { name, value } = made;
    const { transaction, room } = this.#parts;
    const old = this.get(node, name);
    useWith(this.#useOf(node), made, old);
    if (old !== undefined && equals(old, value)) return unchanged(node);
    const growth = room.weightOfXattr(name, value) -
      (old === undefined ? 0 : room.weightOfXattr(name, old));
    room.take(needOfXattr(value.length, growth));
    const number = transaction.number();
    transaction.run(() => this.#put.run(node.fileid, name, value));
    this.#areAny = true;
    room.grow(growth, true);
    return this.#changed(node, number);
  }

  /** Removes one; throws "no-xattr" where it is not there. */
  remove(node: SqliteNode, name: string): ChangeInfo {
    const { transaction, room } = this.#parts;
    const old = this.get(node, name);
    if (old === undefined) throw new FsError("no-xattr");
    const number = transaction.number();
    transaction.run(() => this.#delete.run(node.fileid, name));
    room.grow(-room.weightOfXattr(name, old), true);
    return this.#changed(node, number);
  }

  /** The statements that remove all of a node that is going. */
  removal(node: SqliteNode): void {
    this.#going = 0;
    if (!this.#areAny) return;
    const use = this.#useOf(node);
    if (use.count === 0) return;
    this.#going = this.#parts.room.weightOfXattrs(use);
    this.#deleteAll.run(node.fileid);
  }

  /** After {@linkcode removal}. */
  removed(): void {
    this.#parts.room.grow(-this.#going, true);
    this.#going = 0;
  }

  #useOf({ fileid }: SqliteNode): XattrUse {
    return attempt(() => this.#measure.get(fileid)) as unknown as XattrUse;
  }

  #changed(node: SqliteNode, number: number): ChangeInfo {
    const before = node.change;
    this.#parts.nodes.change(node);
    node.change = number;
    node.ctime = this.#parts.now();
    return { atomic: true, before, after: number };
  }
}
