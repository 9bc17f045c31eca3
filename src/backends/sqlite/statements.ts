import type { DatabaseSync, StatementSync } from "node:sqlite";
import { accessListHolder } from "../../vfs/access_list.ts";
import { attempt } from "./errors.ts";
import type { NodeRow, SqliteNode } from "./node.ts";

/** An entry of a folder. */
export type EntryRow = readonly [name: string, cookie: number, fileid: number];
/** An entry in the order of cookies: its own, the one before it, and whether one comes after it. */
export type PlaceRow = readonly [
  cookie: number,
  previousName: string | null,
  previousCookie: number | null,
  hasNext: number,
];
/** An entry of a folder, behind the row of its node. */
export type ListedRow = readonly [...NodeRow, name: string, cookie: number];

/** Deno has the method; its types don't say so yet. */
interface ReturnsArrays {
  setReturnArrays(enabled: boolean): void;
}

/**
 * The statements of a store, prepared once: preparing costs more than running.
 * What reads throws as a file system does; what changes is run by a `Transaction`.
 */
export class Statements {
  readonly insertNode: StatementSync;
  readonly #selectNode: StatementSync;
  readonly #saveNode: StatementSync;
  /** parent, fileid: a folder moved. */
  readonly setParent: StatementSync;
  readonly deleteNode: StatementSync;
  readonly #findParent: StatementSync;
  readonly #findEntry: StatementSync;
  /** parent, name, cookie, fileid. */
  readonly insertEntry: StatementSync;
  /** fileid, parent, name: another node takes the name. */
  readonly replaceEntry: StatementSync;
  /** parent, name. */
  readonly deleteEntry: StatementSync;
  readonly #listNodes: StatementSync;
  readonly #place: StatementSync;
  readonly #anyEntry: StatementSync;
  readonly #selectContent: StatementSync;
  /** fileid, data. */
  readonly putContent: StatementSync;
  readonly deleteContent: StatementSync;
  readonly #selectAcl: StatementSync;
  /** fileid, aces. */
  readonly putAcl: StatementSync;
  readonly deleteAcl: StatementSync;

  /** Of a database whose schema is this version's. */
  constructor(db: DatabaseSync) {
    const prepare = (sql: string) => db.prepare(sql);
    const rows = (sql: string) => {
      const statement = db.prepare(sql) as StatementSync & ReturnsArrays;
      // A row as an array costs half of one as an object.
      statement.setReturnArrays(true);
      return statement;
    };
    this.insertNode = prepare(
      `INSERT INTO inodes VALUES (${Array(26).fill("?").join()})`,
    );
    this.#selectNode = rows("SELECT * FROM inodes WHERE fileid = ?");
    this.#saveNode = prepare(
      `UPDATE inodes SET mode = ?, nlink = ?, uid = ?, gid = ?, size = ?,
       used = ?, change = ?, atime = ?, atime_ns = ?, mtime = ?, mtime_ns = ?,
       ctime = ?, ctime_ns = ?, birth = ?, birth_ns = ?, outside = ?,
       listed = ?, ranges = ?, shared = ? WHERE fileid = ?`,
    );
    this.setParent = prepare("UPDATE inodes SET parent = ? WHERE fileid = ?");
    this.deleteNode = prepare("DELETE FROM inodes WHERE fileid = ?");
    this.#findParent = rows("SELECT parent FROM inodes WHERE fileid = ?");
    // One statement for an entry and its node: each costs 5 µs besides its row.
    this.#findEntry = rows(
      `SELECT inodes.* FROM entries CROSS JOIN inodes USING (fileid)
       WHERE entries.parent = ? AND name = ?`,
    );
    this.insertEntry = prepare("INSERT INTO entries VALUES (?, ?, ?, ?)");
    this.replaceEntry = prepare(
      "UPDATE entries SET fileid = ? WHERE parent = ? AND name = ?",
    );
    this.deleteEntry = prepare(
      "DELETE FROM entries WHERE parent = ? AND name = ?",
    );
    this.#listNodes = rows(
      `SELECT inodes.*, name, cookie
       FROM entries INDEXED BY listing CROSS JOIN inodes USING (fileid)
       WHERE entries.parent = ? AND cookie > ? ORDER BY cookie LIMIT ?`,
    );
    const listing = "SELECT cookie FROM entries INDEXED BY listing";
    this.#place = rows(
      `SELECT own.cookie, previous.name, previous.cookie, EXISTS (
         ${listing} WHERE parent = own.parent AND cookie > own.cookie)
       FROM entries AS own LEFT JOIN entries AS previous
         ON previous.parent = own.parent AND previous.cookie = (
           ${listing} WHERE parent = own.parent AND cookie < own.cookie
           ORDER BY cookie DESC LIMIT 1)
       WHERE own.parent = ? AND own.name = ?`,
    );
    this.#anyEntry = rows("SELECT 1 FROM entries WHERE parent = ? LIMIT 1");
    this.#selectContent = rows("SELECT data FROM contents WHERE fileid = ?");
    this.putContent = prepare("INSERT OR REPLACE INTO contents VALUES (?, ?)");
    this.deleteContent = prepare("DELETE FROM contents WHERE fileid = ?");
    this.#selectAcl = rows("SELECT aces FROM acls WHERE fileid = ?");
    this.putAcl = prepare("INSERT OR REPLACE INTO acls VALUES (?, ?)");
    this.deleteAcl = prepare("DELETE FROM acls WHERE fileid = ?");
  }

  /** The row of a node. */
  node(fileid: number): NodeRow | undefined {
    const row: unknown = attempt(() => this.#selectNode.get(fileid));
    return row as NodeRow | undefined;
  }

  /** Writes what can change of a node. */
  saveNode(node: SqliteNode): void {
    const { atime, mtime, ctime, birthtime } = node;
    this.#saveNode.run(
      node.mode,
      node.nlink,
      node.uid,
      node.gid,
      node.size,
      node.used,
      node.change,
      atime.seconds,
      atime.nanoseconds,
      mtime.seconds,
      mtime.nanoseconds,
      ctime.seconds,
      ctime.nanoseconds,
      birthtime.seconds,
      birthtime.nanoseconds,
      node.outside,
      node[accessListHolder] === undefined ? 0 : 1,
      node.ranges,
      node.shared,
      node.fileid,
    );
  }

  /** The number of the folder that a folder is in. */
  parent(fileid: number): number | undefined {
    const row: unknown = attempt(() => this.#findParent.get(fileid));
    return (row as [number | null] | undefined)?.[0] ?? undefined;
  }

  /** The row of the node that a name leads to. */
  entry(parent: number, name: string): NodeRow | undefined {
    const row: unknown = attempt(() => this.#findEntry.get(parent, name));
    return row as NodeRow | undefined;
  }

  /** Up to `limit` entries after a cookie, with the rows of their nodes. */
  listNodes(parent: number, cookie: number, limit: number): ListedRow[] {
    const rows: unknown = attempt(() =>
      this.#listNodes.all(parent, cookie, limit)
    );
    return rows as ListedRow[];
  }

  /** Where an entry stands in the order of cookies. */
  place(parent: number, name: string): PlaceRow | undefined {
    const row: unknown = attempt(() => this.#place.get(parent, name));
    return row as PlaceRow | undefined;
  }

  /** Whether a folder has entries. */
  hasEntries(parent: number): boolean {
    return attempt(() => this.#anyEntry.get(parent)) !== undefined;
  }

  /** The content of a small file. */
  content(fileid: number): Uint8Array | undefined {
    const row: unknown = attempt(() => this.#selectContent.get(fileid));
    return (row as [Uint8Array] | undefined)?.[0];
  }

  /** The access list of a node, as bytes. */
  acl(fileid: number): Uint8Array | undefined {
    const row: unknown = attempt(() => this.#selectAcl.get(fileid));
    return (row as [Uint8Array] | undefined)?.[0];
  }
}
