import type { Awaitable } from "../../base/awaitable.ts";
import { after, goingOn } from "../../base/ongoing_call.ts";
import { FsError } from "../../vfs/errors.ts";
import { Approach } from "./approach.ts";
import { toFsError } from "./errno.ts";
import { Locator } from "./locator.ts";
import { type LocalNode, Misplaced } from "./node.ts";
import { decodeIdentity } from "./node_table.ts";
import type { Store } from "./store.ts";

/** How often a file is looked for that moves while it is used. */
const MAX_SEARCHES = 4;

/** Has calls done on nodes wherever these are by now: near, or still to be found. */
export class NodeCalls {
  readonly #store: Store;
  readonly #locator: Locator;
  readonly #approach: Approach;

  constructor(store: Store) {
    this.#store = store;
    this.#locator = new Locator(store);
    this.#approach = new Approach(store);
  }

  /**
   * Runs `act` on these nodes, which waits only where the host does or they are far;
   * again, when a file has to be found first. What comes after a wait is
   * {@linkcode goingOn}, here and in what `act` does.
   */
  on<T>(
    nodes: readonly LocalNode[],
    act: () => Awaitable<T>,
    searches = MAX_SEARCHES,
  ): Awaitable<T> {
    const recover = (error: unknown) =>
      this.#recover(error, () => this.on(nodes, act, searches - 1), searches);
    try {
      const given = after(this.#approach.to(nodes), act);
      return given instanceof Promise ? given.catch(goingOn(recover)) : given;
    } catch (error) {
      return recover(error);
    }
  }

  /** The same of what reads or changes files, or looks into folders, when the host has none of them locked for another thread. */
  onUnlocked<T>(
    nodes: readonly LocalNode[],
    act: () => Awaitable<T>,
  ): Awaitable<T> {
    return this.on(nodes, () => this.#store.locks.after(nodes, act));
  }

  #recover<T>(
    error: unknown,
    again: () => Awaitable<T>,
    searches: number,
  ): Awaitable<T> {
    if (!(error instanceof Misplaced)) throw toFsError(error);
    if (searches === 0) throw new FsError("busy", error.message);
    return after(this.#locator.relocate(error.node).catch(rethrow), again);
  }

  /** The node of an identity, from memory or found again; "busy" when looking for it has to wait. */
  resolve(identity: Uint8Array): Awaitable<LocalNode> {
    const decoded = decodeIdentity(identity);
    if (decoded === undefined) throw new FsError("stale");
    const { root, table } = this.#store.tree;
    const node = table.get(decoded.inode);
    if (node?.tag === decoded.tag) {
      if (node === root || node.places.length > 0) return node;
      // Without a name, but needed.
      if (node.isGone && node.isNeeded) return node;
    }
    return this.#locator.find(decoded.inode, decoded.tag).catch(rethrow);
  }
}

/** What went wrong, in the words of a file system. */
function rethrow(error: unknown): never {
  throw toFsError(error);
}
