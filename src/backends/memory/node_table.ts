import type { CreateKind, Timestamp } from "../../vfs/mod.ts";
import type { Capacity } from "../common/capacity.ts";
import { FileContent } from "../common/file_content.ts";
import { releaseList } from "./access_lists.ts";
import { MemoryNode } from "./node.ts";

/** What {@linkcode NodeTable} works with. */
export interface NodeTableParts {
  readonly capacity: Capacity;
  readonly now: () => Timestamp;
}

/** All nodes that are there: each that has a name, or is open. */
export class NodeTable {
  readonly #parts: NodeTableParts;
  readonly #nodes = new Map<number, MemoryNode>();
  #nextFileid = 1;

  /** None yet. */
  constructor(parts: NodeTableParts) {
    this.#parts = parts;
  }

  /** The node of a number, if it is there. */
  get(fileid: number): MemoryNode | undefined {
    return this.#nodes.get(fileid);
  }

  /** A node without a name, for which there is room. */
  make(
    kind: CreateKind,
    owner: { mode: number; uid: number; gid: number },
  ): MemoryNode {
    const { capacity, now } = this.#parts;
    const options = { ...owner, now: now() };
    const node = new MemoryNode(this.#nextFileid++, kind, options);
    if (kind.type === "file") node.content = new FileContent(capacity);
    this.#nodes.set(node.fileid, node);
    return node;
  }

  /** Gives back the room of a node that has no name and is not open. */
  freeIfUnused(node: MemoryNode): void {
    if (node.nlink > 0 || node.opens > 0) return;
    this.#nodes.delete(node.fileid);
    this.#parts.capacity.giveNode(node);
    node.content?.release();
    node.xattrs?.release();
    releaseList(node, this.#parts.capacity);
    node.isGone = true;
  }
}
