import {
  assertJudged,
  assertJudgedEntry,
  type ChangeInfo,
  type Created,
  type CreateKind,
  type CreateOptions,
  type DirectoryName,
  type DirectoryPage,
  FsError,
  type JudgedEntry,
  type JudgedRename,
  type Rights,
  type Timestamp,
} from "../../vfs/mod.ts";
import { inherited } from "../../vfs/permissions.ts";
import { costOfName, costOfNode } from "../common/capacity.ts";
import { checkName } from "../common/names.ts";
import { checkRename } from "../common/rename.ts";
import { isSameVerifier } from "../common/verifier.ts";
import { costOfList, giveList } from "./access_lists.ts";
import { Directory } from "./directory.ts";
import { KeptPages } from "./kept_pages.ts";
import {
  accessed,
  applyChanges,
  assertLive,
  changed,
  checkSize,
  entriesOf,
  type MemoryNode,
  unchanged,
} from "./node.ts";
import type { NodeTable, NodeTableParts } from "./node_table.ts";

/** Most hard links of a file. */
export const MAX_LINK = 65535;

/** What {@linkcode Entries} works with. */
interface EntriesParts extends NodeTableParts {
  readonly nodes: NodeTable;
}

/** How entries of folders are listed, come, go and move. */
export class Entries {
  readonly #parts: EntriesParts;
  readonly #pages = new KeptPages();

  constructor(parts: EntriesParts) {
    this.#parts = parts;
  }

  /** See `FileSystem.readdir`. */
  list(
    directory: MemoryNode,
    cookie: number,
    limit: number,
  ): DirectoryPage<MemoryNode> {
    const entries = entriesOf(directory);
    accessed(directory, this.#parts.now);
    const request = { cookie, limit };
    return this.#pages.get(directory, request) ??
      this.#pages.keep(directory, request, entries.page(cookie, limit));
  }

  /** See `FileSystem.create`. */
  create(
    { directory, name }: DirectoryName<MemoryNode>,
    kind: CreateKind,
    options: CreateOptions,
  ): Created<MemoryNode> {
    const { capacity, nodes } = this.#parts;
    const entries = entriesOf(directory);
    assertJudged(options.judged, directory);
    checkName(name);
    const taken = entries.get(name);
    if (taken !== undefined) {
      if (!isSameVerifier(taken.verifier, options.verifier)) {
        throw new FsError("exists");
      }
      return { node: taken, change: unchanged(directory), created: false };
    }
    const { attributes, verifier } = options;
    if (attributes.size !== undefined) checkSize(kind.type, attributes.size);
    const { acl } = attributes;
    capacity.takeNode(costOfNode(kind) + costOfName(name) + costOfList(acl));
    const node = nodes.make(kind, inherited(directory, kind.type, attributes));
    const { size, atime, mtime, birthtime } = attributes;
    applyChanges(node, { size, atime, mtime, birthtime }, node.ctime);
    giveList(node, acl);
    node.verifier = verifier?.slice();
    if (kind.type === "directory") {
      node.directory = new Directory(directory);
      directory.nlink++;
    }
    entries.set(name, node);
    return { node, change: entryChanged(directory, node.ctime), created: true };
  }

  /** See `FileSystem.link`. */
  link(
    node: MemoryNode,
    { directory, name }: DirectoryName<MemoryNode>,
    judged?: Rights,
  ): ChangeInfo {
    const entries = entriesOf(directory);
    assertJudged(judged, directory);
    assertLive(node);
    checkName(name);
    if (node.directory !== undefined) throw new FsError("is-directory");
    if (entries.get(name) !== undefined) throw new FsError("exists");
    // As Linux has it: what has lost its last name can't get one again.
    if (node.nlink === 0) throw new FsError("stale");
    if (node.nlink >= MAX_LINK) throw new FsError("too-many-links");
    this.#parts.capacity.take(0, costOfName(name));
    const now = this.#parts.now();
    entries.set(name, node);
    node.nlink++;
    changed(node, now);
    return entryChanged(directory, now);
  }

  /** See `FileSystem.remove`. */
  remove(
    { directory, name }: DirectoryName<MemoryNode>,
    judged?: JudgedEntry<MemoryNode>,
  ): ChangeInfo {
    const entries = entriesOf(directory);
    const node = entries.get(name);
    if (node === undefined) throw new FsError("not-found");
    assertJudgedEntry(judged, { folder: directory, node, rights: node });
    if (node.directory !== undefined && node.directory.size > 0) {
      throw new FsError("not-empty");
    }
    const now = this.#parts.now();
    entries.delete(name);
    this.#parts.capacity.give(0, costOfName(name));
    this.#unlinked(node, directory, now);
    return entryChanged(directory, now);
  }

  /** See `FileSystem.rename`. */
  rename(
    from: DirectoryName<MemoryNode>,
    to: DirectoryName<MemoryNode>,
    judged?: JudgedRename<MemoryNode>,
  ): { source: ChangeInfo; target: ChangeInfo } {
    const { capacity, nodes } = this.#parts;
    const [source, target] = [from.directory, to.directory];
    const [sources, targets] = [entriesOf(source), entriesOf(target)];
    checkName(to.name);
    const node = sources.get(from.name);
    if (node === undefined) throw new FsError("not-found");
    const replaced = targets.get(to.name);
    assertJudgedEntry(judged?.from, { folder: source, node, rights: node });
    assertJudgedEntry(judged?.to, {
      folder: target,
      node: replaced,
      rights: replaced,
    });
    // RFC 8881 18.26.3: two names of one file, and nothing is done.
    if (replaced === node) {
      return { source: unchanged(source), target: unchanged(target) };
    }
    checkRename({ moved: node, source, target, replaced }, {
      parent: (fileid) => nodes.get(fileid)?.directory?.parent.fileid,
      hasEntries: (fileid) => nodes.get(fileid)!.directory!.size > 0,
    });
    const now = this.#parts.now();
    // What has the new name already gives it to the node.
    const cost = replaced === undefined ? costOfName(to.name) : 0;
    capacity.take(0, cost - costOfName(from.name));
    sources.delete(from.name);
    targets.set(to.name, node);
    if (replaced !== undefined) this.#unlinked(replaced, target, now);
    if (node.directory !== undefined) {
      node.directory.parent = target;
      source.nlink--;
      target.nlink++;
    }
    changed(node, now);
    const change = entryChanged(source, now);
    return {
      source: change,
      target: source === target ? change : entryChanged(target, now),
    };
  }

  /** A name of `node` in `directory` is gone. */
  #unlinked(node: MemoryNode, directory: MemoryNode, now: Timestamp): void {
    if (node.directory === undefined) {
      node.nlink--;
    } else {
      node.nlink = 0;
      directory.nlink--;
    }
    changed(node, now);
    this.#parts.nodes.freeIfUnused(node);
  }
}

/** An entry of `directory` came or went. */
function entryChanged(directory: MemoryNode, now: Timestamp): ChangeInfo {
  const before = directory.change;
  directory.mtime = now;
  changed(directory, now);
  return { atomic: true, before, after: directory.change };
}
