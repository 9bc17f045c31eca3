import type { DirectoryEntry } from "../../vfs/mod.ts";
import type { SqliteNode } from "./node.ts";
import type { NodeTable } from "./node_table.ts";

/** An entry of a folder, whose node is loaded when it is asked for. */
export class ListedEntry implements DirectoryEntry<SqliteNode> {
  readonly name: string;
  /** Where to go on after it. */
  readonly cookie: number;
  readonly #nodes: NodeTable;
  readonly #fileid: number;

  /** The entry of a row. */
  constructor(
    nodes: NodeTable,
    row: readonly [name: string, cookie: number, fileid: number],
  ) {
    this.#nodes = nodes;
    [this.name, this.cookie, this.#fileid] = row;
  }

  /** Its node, or nothing when that was removed in the meantime. */
  get node(): SqliteNode | undefined {
    return this.#nodes.get(this.#fileid);
  }

  /** A node is its own live attributes. */
  get attributes(): SqliteNode | undefined {
    return this.node;
  }
}
