import fs from "node:fs";
import type { Awaitable } from "../../vfs/file_system.ts";
import { hostCode, toFsError } from "./errno.ts";
import type { FileDescriptors } from "./file_descriptors.ts";
import { type LocalNode, Misplaced } from "./node.ts";
import type { Tree } from "./tree.ts";

/** Nodes that are synced at once, each with a descriptor: a crowd's changes must not take all there are. */
const AT_ONCE = 32;

/** Makes names and attributes durable: once for all the changes that are answered together. */
export class Settlement {
  readonly #tree: Tree;
  readonly #files: FileDescriptors;
  #pending = new Set<LocalNode>();
  #running = 0;
  readonly #waiting: (() => void)[] = [];

  constructor(tree: Tree, files: FileDescriptors) {
    this.#tree = tree;
    this.#files = files;
  }

  /** A folder whose entries, or a node whose attributes have changed. */
  add(node: LocalNode): void {
    this.#pending.add(node);
  }

  /** Waits until all that was added is on stable storage. */
  settle(): Awaitable<void> {
    if (this.#pending.size === 0) return;
    const pending = this.#pending;
    this.#pending = new Set();
    return this.#sync(pending);
  }

  async #sync(pending: Set<LocalNode>): Promise<void> {
    const nodes = pending.values();
    const lanes = Array.from(
      { length: Math.min(AT_ONCE, pending.size) },
      () => this.#syncEach(nodes),
    );
    for (const lane of await Promise.allSettled(lanes)) {
      if (lane.status === "rejected") throw toFsError(lane.reason);
    }
  }

  /** One after the other of what other lanes leave; all of them, also after one that failed. */
  async #syncEach(nodes: Iterable<LocalNode>): Promise<void> {
    let failure: { readonly reason: unknown } | undefined;
    for (const node of nodes) {
      if (this.#running < AT_ONCE) this.#running++;
      else await new Promise<void>((go) => this.#waiting.push(go));
      try {
        await this.#syncOne(node);
      } catch (reason) {
        failure ??= { reason };
      } finally {
        const next = this.#waiting.shift();
        if (next === undefined) this.#running--;
        else next();
      }
    }
    if (failure !== undefined) throw failure.reason;
  }

  async #syncOne(node: LocalNode): Promise<void> {
    try {
      if (node.gone) return;
      if (node.type === "file") {
        return await this.#files.sync(node, { all: true });
      }
      if (node.type === "directory") {
        return await syncFolder(`${this.#tree.folder(node).prefix}.`);
      }
    } catch (error) {
      // Moved or removed behind our back since: what we did to it is theirs now.
      if (error instanceof Misplaced) return;
      const mine = node === this.#tree.root || hostCode(error) !== "EACCES";
      if (mine) throw error;
    }
    // A symlink, or what its mode keeps us from opening: its folder is in the same journal.
    await this.#syncOne(node.places[0].parent);
  }
}

function syncFolder(path: string): Promise<void> {
  const { O_RDONLY, O_DIRECTORY } = fs.constants;
  const fd = fs.openSync(path, O_RDONLY | O_DIRECTORY);
  return new Promise((resolve, reject) => {
    fs.fsync(fd, (error) => {
      fs.closeSync(fd);
      if (error === null) resolve();
      else reject(error);
    });
  });
}
