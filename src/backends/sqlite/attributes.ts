import type { AttributeChanges, Timestamp } from "../../vfs/mod.ts";
import type { FreeSpace } from "./free_space.ts";
import type { MutableAttributes, SqliteNode } from "./node.ts";
import type { NodeTable } from "./node_table.ts";
import type { SmallContents } from "./small_contents.ts";
import type { Transaction } from "./transaction.ts";

/** What {@linkcode Attributes} works with. */
export interface AttributesParts {
  readonly transaction: Transaction;
  readonly nodes: NodeTable;
  readonly room: FreeSpace;
  readonly small: SmallContents;
  readonly now: () => Timestamp;
}

/** The attributes that a change gives a node, and how they get into it and its row. */
export class Attributes {
  readonly #parts: AttributesParts;

  constructor(parts: AttributesParts) {
    this.#parts = parts;
  }

  /** All of what `changes` leaves or sets. */
  changed(node: SqliteNode, changes: AttributeChanges): MutableAttributes {
    const now = this.#parts.now();
    const { mode, uid, gid, size, atime, mtime, birthtime } = changes;
    const moved = size === undefined ? node.mtime : now;
    return {
      mode: mode === undefined ? node.mode : mode & 0o7777,
      uid: uid ?? node.uid,
      gid: gid ?? node.gid,
      size: size ?? node.size,
      used: node.used,
      change: this.#parts.transaction.number(),
      atime: atime === "now" ? now : atime ? { ...atime } : node.atime,
      mtime: mtime === "now" ? now : mtime ? { ...mtime } : moved,
      ctime: now,
      birthtime: birthtime ? { ...birthtime } : node.birthtime,
      outside: node.outside,
      ranges: node.ranges,
      shared: node.shared,
    };
  }

  /** Those after a write that makes the file `size` bytes long. */
  written(file: SqliteNode, size: number): MutableAttributes {
    const now = this.#parts.now();
    const change = this.#parts.transaction.number();
    return { ...this.moved(file), size, change, mtime: now, ctime: now };
  }

  /** Those of a file that only has its bytes elsewhere. */
  moved(file: SqliteNode): MutableAttributes {
    const { mode, uid, gid, size, used, change, outside } = file;
    const { atime, mtime, ctime, birthtime, ranges, shared } = file;
    const times = { atime, mtime, ctime, birthtime };
    const bytes = { size, used, outside, ranges, shared };
    return { mode, uid, gid, change, ...times, ...bytes };
  }

  /** `next` goes into the node's row with the next commit. */
  save(node: SqliteNode, next: MutableAttributes): void {
    this.#parts.nodes.change(node);
    this.#apply(node, next);
  }

  /** `next` may wait in memory: it needs to be on disk no sooner than the bytes. */
  keep(node: SqliteNode, next: MutableAttributes): void {
    this.#apply(node, next);
    this.#parts.nodes.unsaved.add(node);
  }

  /** The file's own content takes so many bytes now. */
  measured(file: SqliteNode, own: number): void {
    const { nodes, room } = this.#parts;
    const used = own + file.shared;
    const isDue = nodes.isDue(file);
    room.grow(used - file.used, isDue);
    file.used = used;
    // Counted by its row once it has left memory, and where it is removed.
    if (!isDue) nodes.unsaved.add(file);
  }

  /** Has the next commit make durable what waits in memory. */
  commit(node: SqliteNode): void {
    const { nodes, transaction } = this.#parts;
    if (!nodes.unsaved.has(node)) return;
    transaction.run();
    nodes.change(node);
  }

  #apply(node: SqliteNode, next: MutableAttributes): void {
    const { nodes, room, small } = this.#parts;
    room.grow(next.used - node.used, nodes.isDue(node));
    // What it had inside must not be found when it comes back empty.
    if (next.outside !== node.outside) small.forget(node);
    node.mode = next.mode;
    node.uid = next.uid;
    node.gid = next.gid;
    node.size = next.size;
    node.used = next.used;
    node.change = next.change;
    node.atime = next.atime;
    node.mtime = next.mtime;
    node.ctime = next.ctime;
    node.birthtime = next.birthtime;
    node.outside = next.outside;
    node.ranges = next.ranges;
    node.shared = next.shared;
  }
}
