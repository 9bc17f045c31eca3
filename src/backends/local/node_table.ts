import { RecentMap } from "../../base/recent_map.ts";
import type { Host, HostStat, OpenFolder } from "./host.ts";
import { LocalNode, type Place, UNASKED } from "./node.ts";
import { type KeptParents, Parents } from "./parents.ts";

/** What stays in memory, to twice as much. */
export interface KeptNodes {
  /** Nodes that the server does not hold. */
  readonly nodes: number;
  /** Inode numbers whose folder is remembered after the node has left memory. */
  readonly parents: KeptParents;
}

/** A tree of a million files is remembered whole. */
const KEPT: KeptNodes = {
  nodes: 16_384,
  parents: { files: 500_000, folders: 200_000 },
};
/** Identities remembered as gone for good. */
const KEPT_BURIED = 50_000;

/**
 * One object for one file: the nodes in memory by inode number, and what
 * remains known of those that left it.
 */
export class NodeTable {
  readonly #host: Host;
  readonly #tellBuried: (node: LocalNode) => void;
  readonly #nodes = new Map<number, WeakRef<LocalNode>>();
  readonly #kept: RecentMap<LocalNode, true>;
  /** Where files were seen last. */
  readonly parents: Parents;
  readonly #buried = new RecentMap<string, true>(KEPT_BURIED);
  readonly #registry = new FinalizationRegistry<number>((inode) => {
    if (this.#nodes.get(inode)?.deref() === undefined) {
      this.#nodes.delete(inode);
    }
  });

  /** `buried` is told of each node that is gone. */
  constructor(
    host: Host,
    { buried = () => {}, kept = KEPT }: {
      readonly buried?: ((node: LocalNode) => void) | undefined;
      readonly kept?: KeptNodes | undefined;
    } = {},
  ) {
    this.#host = host;
    this.#tellBuried = buried;
    this.#kept = new RecentMap(kept.nodes);
    this.parents = new Parents(kept.parents);
  }

  /** The node in memory with this inode number. */
  get(inode: number): LocalNode | undefined {
    return this.#nodes.get(inode)?.deref();
  }

  /** The node of what was just seen as `name` in `parent`, which is open as `folder`; its `tag`, if that was asked for. */
  adopt(
    seen: {
      parent?: LocalNode;
      folder: OpenFolder;
      name: string;
      tag?: number;
    },
    stat: HostStat,
  ): LocalNode {
    const { parent, folder, name, tag } = seen;
    let node = this.get(stat.fileid);
    if (node === undefined || node.isGone || !node.is(stat)) {
      // The old one's inode number is in use again: its file is gone.
      if (node !== undefined) this.bury(node);
      node = new LocalNode(stat, tag ?? this.#host.tag(folder, name, stat));
      this.#buried.delete(keyOf(node.inode, node.tag));
      this.#nodes.set(node.inode, new WeakRef(node));
      this.#registry.register(node, node.inode);
    }
    this.#kept.set(node, true);
    if (parent !== undefined) {
      node.foundAt(parent, name, stat.nlink);
      this.parents.remember(node, parent.inode);
    }
    return node;
  }

  /**
   * The node of one of many entries that are listed: where there is none in memory,
   * one that is not remembered and has no identity yet.
   */
  glance({ parent, name }: Place, stat: HostStat): LocalNode {
    const known = this.get(stat.fileid);
    const node = known !== undefined && !known.isGone && known.is(stat)
      ? known
      : new LocalNode(stat, UNASKED);
    node.foundAt(parent, name, stat.nlink);
    return node;
  }

  /** The last name of a node was removed. */
  bury(node: LocalNode): void {
    node.isGone = true;
    node.places = [];
    this.parents.forget(node);
    this.#buried.set(keyOf(node.inode, node.tag), true);
    this.forgetGone(node);
    this.#tellBuried(node);
  }

  /** A node may be gone, and no longer needed: until then its handle must lead to it. */
  forgetGone(node: LocalNode): void {
    if (!node.isGone || node.isNeeded) return;
    if (this.get(node.inode) === node) this.#nodes.delete(node.inode);
    this.#kept.delete(node);
  }

  /** Whether the file of this identity is known to be gone. */
  isBuried(inode: number, tag: number): boolean {
    return this.#buried.get(keyOf(inode, tag)) !== undefined;
  }
}

/** An identity as the key of a map. */
export function keyOf(inode: number, tag: number): string {
  return `${inode}.${tag}`;
}

/** The identity of a node: 7 bytes of inode number, 4 of its tag. */
export function encodeIdentity(
  node: Pick<LocalNode, "inode" | "tag">,
): Uint8Array {
  const bytes = new Uint8Array(11);
  const view = new DataView(bytes.buffer);
  const high = Math.floor(node.inode / 0x1_0000_0000);
  view.setUint8(0, high >>> 16);
  view.setUint16(1, high & 0xffff);
  view.setUint32(3, node.inode >>> 0);
  view.setUint32(7, node.tag);
  return bytes;
}

/** What {@linkcode encodeIdentity} made; `undefined` for what it can't have made. */
export function decodeIdentity(
  bytes: Uint8Array,
): { inode: number; tag: number } | undefined {
  if (bytes.length !== 11) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset, 11);
  const high = view.getUint8(0) * 0x10000 + view.getUint16(1);
  const inode = high * 0x1_0000_0000 + view.getUint32(3);
  if (!Number.isSafeInteger(inode)) return undefined;
  return { inode, tag: view.getUint32(7) };
}
