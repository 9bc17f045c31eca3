import { RecentMap } from "../../base/recent_map.ts";
import { isSameVerifier } from "../common/verifier.ts";
import type { LocalNode } from "./node.ts";
import { keyOf } from "./node_table.ts";
import type { Tree } from "./tree.ts";

/** Verifiers in memory, where the host can't keep them with the file. */
const MAX_KEPT = 10_000;

/**
 * The verifiers of exclusive creates (RFC 8881 18.16.3): with the file, as an
 * extended attribute, where the host has them; else in memory until a restart.
 */
export class Verifiers {
  readonly #tree: Tree;
  readonly #kept = new RecentMap<string, Uint8Array>(MAX_KEPT);

  constructor(tree: Tree) {
    this.#tree = tree;
  }

  /** Keeps the verifier of a file just made. */
  keep(node: LocalNode, verifier: Uint8Array): void {
    const { descriptor } = node;
    if (
      descriptor !== undefined &&
      this.#tree.host.setNote(descriptor.fd, verifier)
    ) return;
    this.#kept.set(keyOf(node.inode, node.tag), verifier.slice());
  }

  /** A file is gone: another may come to have its identity. */
  forget(node: LocalNode): void {
    this.#kept.delete(keyOf(node.inode, node.tag));
  }

  /** Whether the file was created with this verifier; it has just been looked up. */
  match(node: LocalNode, verifier: Uint8Array): boolean {
    if (node.type !== "file") return false;
    const { parent, name } = node.places[0]!;
    const kept = this.#kept.get(keyOf(node.inode, node.tag)) ??
      this.#tree.host.getNote(this.#tree.folders.open(parent), name);
    return isSameVerifier(kept, verifier);
  }
}
