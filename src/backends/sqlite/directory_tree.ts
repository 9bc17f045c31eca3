import {
  type ChangeInfo,
  type Created,
  type CreateKind,
  type CreateOptions,
  type DirectoryName,
  FsError,
  type Timestamp,
} from "../../vfs/mod.ts";
import { inherited } from "../../vfs/permissions.ts";
import type { AccessLists } from "./access_lists.ts";
import type { FileData } from "./file_data.ts";
import { type NodeRow, rowOf, type SqliteNode } from "./node.ts";
import { bytesOfRanges, needOfMove } from "./needs.ts";
import type { NodeTable } from "./node_table.ts";
import type { FreeSpace } from "./free_space.ts";
import { Orphans } from "./orphans.ts";
import { INSIDE } from "./small_contents.ts";
import type { Statements } from "./statements.ts";
import type { Transaction } from "./transaction.ts";
import { weightOfNode } from "./weight.ts";
import type { Xattrs } from "./xattrs.ts";

/** Names that a file can have. */
export const MAX_LINK: number = 65535;

/** What a {@linkcode DirectoryTree} works with. */
export interface DirectoryTreeParts {
  readonly sql: Statements;
  readonly transaction: Transaction;
  readonly nodes: NodeTable;
  readonly data: FileData;
  readonly xattrs: Xattrs;
  readonly lists: AccessLists;
  readonly room: FreeSpace;
  readonly now: () => Timestamp;
}

/** What an operation does to a folder. */
interface Touch {
  readonly folder: SqliteNode;
  /** Folders in it that come or go. */
  readonly links: number;
}

/** When an operation happens: its number is the change counter of all that it changes. */
interface Moment {
  readonly number: number;
  readonly time: Timestamp;
}

/**
 * The names: what makes, moves and removes entries. Each operation writes its
 * entries first, all or none, and then brings the nodes in memory up to them, which
 * can't fail.
 */
export class DirectoryTree {
  /** Files that have lost their last name and are closed. */
  readonly orphans: Orphans;
  readonly #parts: DirectoryTreeParts;

  constructor(parts: DirectoryTreeParts) {
    this.#parts = parts;
    this.orphans = new Orphans({
      ...parts,
      weigh: (node) => parts.xattrs.bytesOf(node) + bytesOfRanges(node.ranges),
      write: (node) => this.#writeFree(node),
      apply: (node) => this.#applyFree(node),
    });
  }

  /** Makes an entry; its name is known to be free. */
  create(
    at: DirectoryName<SqliteNode>,
    kind: CreateKind,
    { attributes, verifier }: CreateOptions,
  ): Created<SqliteNode> {
    const { sql, transaction, nodes, room, data, lists } = this.#parts;
    const { directory, name } = at;
    const { acl } = attributes;
    const target = "target" in kind ? kind.target : undefined;
    const weight = weightOfNode(target) + room.weightOfName(name) +
      lists.weightOf(acl);
    const { size = 0 } = attributes;
    const isHole = size > INSIDE;
    const content = isHole
      ? needOfMove({ size: 0, used: 0 })
      : { growth: size, inDatabase: size, beside: 0 };
    const inDatabase = content.inDatabase + lists.bytesOf(acl);
    room.takeNode(weight, { ...content, inDatabase });
    const moment = this.#moment();
    const { number } = moment;
    const { mode, uid, gid } = inherited(directory, kind.type, attributes);
    const hole = isHole ? data.hole() : undefined;
    const row = rowOf({
      // One number for everything: it was never used, for files or otherwise.
      fileid: number,
      kind,
      change: number,
      now: moment.time,
      parent: directory.fileid,
      ...{ mode, uid, gid },
      isListed: typeof acl === "object",
      verifier,
    });
    amend(row, attributes, { now: moment.time, outside: hole?.number ?? 0 });
    const touch = { folder: directory, links: row[18] === null ? 0 : 1 };
    try {
      transaction.run(() => {
        sql.insertNode.run(...row);
        sql.insertEntry.run(directory.fileid, name, number, number);
        if (hole === undefined && size > 0) {
          sql.putContent.run(number, new Uint8Array(size));
        }
        lists.write(number, acl);
      });
    } catch (error) {
      if (hole !== undefined) data.unmade(hole);
      throw error;
    }
    const node = nodes.make(row);
    nodes.named(directory, name, node);
    room.count(1);
    room.grow(weight + node.used, true);
    return { node, change: this.#touch(touch, moment), created: true };
  }

  /** A further name for a node. */
  link(node: SqliteNode, at: DirectoryName<SqliteNode>): ChangeInfo {
    const { sql, transaction, nodes, room } = this.#parts;
    const { directory, name } = at;
    // As Linux has it: what has lost its last name can't get one again.
    if (node.nlink === 0) throw new FsError("stale");
    if (node.nlink >= MAX_LINK) throw new FsError("too-many-links");
    const weight = room.weightOfName(name);
    room.takeNode(weight);
    const moment = this.#moment();
    transaction.run(() => {
      const { number } = moment;
      sql.insertEntry.run(directory.fileid, name, number, node.fileid);
    });
    nodes.named(directory, name, node);
    room.grow(weight, true);
    this.#setLinks(node, node.nlink + 1, moment);
    return this.#touch({ folder: directory, links: 0 }, moment);
  }

  /** Removes an entry, which leads to `node`. */
  remove(node: SqliteNode, at: DirectoryName<SqliteNode>): ChangeInfo {
    const { sql, transaction, nodes, room } = this.#parts;
    const { directory, name } = at;
    const moment = this.#moment();
    const links = node.type === "directory" ? -1 : 0;
    transaction.run(() => {
      sql.deleteEntry.run(directory.fileid, name);
      this.#writeUnlinked(node);
    });
    nodes.named(directory, name);
    room.grow(-room.weightOfName(name), true);
    this.#applyUnlinked(node, moment);
    return this.#touch({ folder: directory, links }, moment);
  }

  /** Moves an entry that leads to `node`, and replaces one that is known to be replaceable. */
  rename(
    node: SqliteNode,
    { from, to, replaced }: {
      readonly from: DirectoryName<SqliteNode>;
      readonly to: DirectoryName<SqliteNode>;
      readonly replaced: SqliteNode | undefined;
    },
  ): { source: ChangeInfo; target: ChangeInfo } {
    const { sql, transaction, nodes, room } = this.#parts;
    const [source, target] = [from.directory, to.directory];
    const growth = (replaced === undefined ? room.weightOfName(to.name) : 0) -
      room.weightOfName(from.name);
    if (growth > 0) room.takeNode(growth);
    const moment = this.#moment();
    const { number } = moment;
    const touches = touchesOf(node, { source, target, replaced });
    const isFolder = node.type === "directory";
    transaction.run(() => {
      sql.deleteEntry.run(source.fileid, from.name);
      if (replaced === undefined) {
        sql.insertEntry.run(target.fileid, to.name, number, node.fileid);
      } else sql.replaceEntry.run(node.fileid, target.fileid, to.name);
      if (isFolder) sql.setParent.run(target.fileid, node.fileid);
      if (replaced !== undefined) this.#writeUnlinked(replaced);
    });
    room.grow(growth, true);
    nodes.named(source, from.name);
    nodes.named(target, to.name, node);
    this.#setLinks(node, node.nlink, moment);
    if (isFolder) node.parent = target.fileid;
    if (replaced !== undefined) this.#applyUnlinked(replaced, moment);
    const [first, second] = touches.map((touch) => this.#touch(touch, moment));
    return { source: first!, target: second ?? first! };
  }

  #moment(): Moment {
    return {
      number: this.#parts.transaction.number(),
      time: this.#parts.now(),
    };
  }

  /** A name of the node came, went or moved. */
  #setLinks(node: SqliteNode, nlink: number, moment: Moment): void {
    this.#parts.nodes.change(node);
    node.nlink = nlink;
    node.change = moment.number;
    node.ctime = moment.time;
  }

  /** An entry of the folder came or went. */
  #touch({ folder, links }: Touch, moment: Moment): ChangeInfo {
    const before = folder.change;
    this.#setLinks(folder, folder.nlink + links, moment);
    folder.mtime = moment.time;
    return { atomic: true, before, after: moment.number };
  }

  /** The last thing in its transaction: see `ContentJournal.forget`. */
  #writeUnlinked(node: SqliteNode): void {
    if (linksLeft(node) > 0 || !this.orphans.canGo(node)) return;
    this.#writeFree(node);
  }

  #applyUnlinked(node: SqliteNode, moment: Moment): void {
    this.#setLinks(node, linksLeft(node), moment);
    if (node.nlink > 0 || !this.orphans.canGo(node)) return;
    this.#applyFree(node);
  }

  #writeFree(node: SqliteNode): void {
    this.#parts.sql.deleteNode.run(node.fileid);
    this.#parts.xattrs.removal(node);
    this.#parts.lists.removal(node);
    if (node.type === "file") this.#parts.data.removal(node);
  }

  #applyFree(node: SqliteNode): void {
    const { nodes, room, data, xattrs, lists } = this.#parts;
    room.count(-1);
    room.grow(-weightOfNode(node.target), true);
    xattrs.removed();
    lists.removed();
    nodes.remove(node);
    if (node.type === "file") data.removed(node);
  }
}

function linksLeft({ type, nlink }: SqliteNode): number {
  return type === "directory" ? 0 : nlink - 1;
}

/** What a rename does to its folders, or to the one. */
function touchesOf(
  node: SqliteNode,
  { source, target, replaced }: {
    readonly source: SqliteNode;
    readonly target: SqliteNode;
    readonly replaced: SqliteNode | undefined;
  },
): Touch[] {
  const moved = node.type === "directory" ? 1 : 0;
  const gone = replaced?.type === "directory" ? 1 : 0;
  if (source === target) return [{ folder: source, links: -gone }];
  return [
    { folder: source, links: -moved },
    { folder: target, links: moved - gone },
  ];
}

/** Size, times and place that a create gives its node. */
function amend(
  row: NodeRow,
  { size = 0, atime, mtime, birthtime }: CreateOptions["attributes"],
  { now, outside }: { readonly now: Timestamp; readonly outside: number },
): void {
  if (row[1] === "file") {
    row[6] = size;
    row[7] = outside === 0 ? size : 0;
    row[17] = outside;
  }
  const times = [[9, atime], [11, mtime], [15, birthtime]] as const;
  for (const [column, time] of times) {
    if (time === undefined) continue;
    const { seconds, nanoseconds } = time === "now" ? now : time;
    row[column] = seconds;
    row[column + 1] = nanoseconds;
  }
}
