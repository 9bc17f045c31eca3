import {
  assertJudged,
  assertJudgedEntry,
  type ChangeInfo,
  type Created,
  type CreateKind,
  type CreateOptions,
  type DirectoryName,
  type DirectoryPage,
  type EntryPlace,
  FsError,
  type JudgedEntry,
  type JudgedRename,
  type Rights,
} from "../../vfs/mod.ts";
import { checkName } from "../common/names.ts";
import { checkRename } from "../common/rename.ts";
import { isSameVerifier } from "../common/verifier.ts";
import { type SqliteNode, unchanged } from "./node.ts";
import type { Store } from "./store.ts";

/** What {@linkcode Entries} works with. */
export type EntriesParts = Pick<
  Store,
  "accessTimes" | "data" | "listings" | "nodes" | "sql" | "tree"
>;

/** What clients ask of the entries of folders, judged before the {@linkcode DirectoryTree} does it. */
export class Entries {
  readonly #parts: EntriesParts;

  constructor(parts: EntriesParts) {
    this.#parts = parts;
  }

  /** See `FileSystem.lookup`. */
  lookup(directory: SqliteNode, name: string): SqliteNode | undefined {
    const { nodes } = this.#parts;
    return nodes.lookup(nodes.folder(directory), name);
  }

  /** See `FileSystem.parent`. */
  parent(directory: SqliteNode): SqliteNode {
    const { nodes } = this.#parts;
    const node = nodes.get(nodes.folder(directory).parent!);
    if (node === undefined) throw new FsError("stale");
    return node;
  }

  /** See `FileSystem.readdir`. */
  list(
    directory: SqliteNode,
    cookie: number,
    limit: number,
  ): DirectoryPage<SqliteNode> {
    const { accessTimes, listings, nodes } = this.#parts;
    const folder = nodes.folder(directory);
    accessTimes.note(folder);
    return listings.list(folder, cookie, limit);
  }

  /** See `FileSystem.place`. */
  place(directory: SqliteNode, name: string): EntryPlace | undefined {
    const { listings, nodes } = this.#parts;
    return listings.place(nodes.folder(directory), name);
  }

  /** See `FileSystem.create`. */
  create(
    { directory, name }: DirectoryName<SqliteNode>,
    kind: CreateKind,
    options: CreateOptions,
  ): Created<SqliteNode> {
    const { data, nodes, tree } = this.#parts;
    const folder = nodes.folder(directory);
    assertJudged(options.judged, folder);
    checkName(name);
    const taken = nodes.lookup(folder, name);
    if (taken !== undefined) {
      if (!isSameVerifier(taken.verifier, options.verifier)) {
        throw new FsError("exists");
      }
      return { node: taken, change: unchanged(folder), created: false };
    }
    const { size } = options.attributes;
    if (size !== undefined) data.assertSize(kind.type, size);
    return tree.create({ directory: folder, name }, kind, options);
  }

  /** See `FileSystem.link`. */
  link(
    node: SqliteNode,
    { directory, name }: DirectoryName<SqliteNode>,
    judged?: Rights,
  ): ChangeInfo {
    const { nodes, tree } = this.#parts;
    const folder = nodes.folder(directory);
    assertJudged(judged, folder);
    const live = nodes.live(node);
    checkName(name);
    if (live.type === "directory") throw new FsError("is-directory");
    const taken = nodes.lookup(folder, name);
    if (taken !== undefined) throw new FsError("exists");
    return tree.link(live, { directory: folder, name });
  }

  /** See `FileSystem.remove`. */
  remove(
    { directory, name }: DirectoryName<SqliteNode>,
    judged?: JudgedEntry<SqliteNode>,
  ): ChangeInfo {
    const { nodes, sql, tree } = this.#parts;
    const folder = nodes.folder(directory);
    const node = nodes.lookup(folder, name);
    if (node === undefined) throw new FsError("not-found");
    assertJudgedEntry(judged, { folder, node, rights: node });
    if (node.type === "directory" && sql.hasEntries(node.fileid)) {
      throw new FsError("not-empty");
    }
    return tree.remove(node, { directory: folder, name });
  }

  /** See `FileSystem.rename`. */
  rename(
    from: DirectoryName<SqliteNode>,
    to: DirectoryName<SqliteNode>,
    judged?: JudgedRename<SqliteNode>,
  ): { source: ChangeInfo; target: ChangeInfo } {
    const { nodes, sql, tree } = this.#parts;
    const source = nodes.folder(from.directory);
    const target = nodes.folder(to.directory);
    checkName(to.name);
    const node = nodes.lookup(source, from.name);
    if (node === undefined) throw new FsError("not-found");
    const replaced = nodes.lookup(target, to.name);
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
    checkRename({ moved: node, source, target, replaced }, sql);
    return tree.rename(node, {
      from: { directory: source, name: from.name },
      to: { directory: target, name: to.name },
      replaced,
    });
  }
}
