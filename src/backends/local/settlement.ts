import fs from "node:fs";
import type { Awaitable } from "../../vfs/file_system.ts";
import { hostCode, toFsError } from "./errno.ts";
import type { FileDescriptors } from "./file_descriptors.ts";
import { type LocalNode, Misplaced } from "./node.ts";
import type { Tree } from "./tree.ts";

/** Makes names and attributes durable: once for all the changes that are answered together. */
export class Settlement {
  readonly #tree: Tree;
  readonly #files: FileDescriptors;
  #pending = new Set<LocalNode>();

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
    const results = await Promise.allSettled(
      [...pending].map((node) => this.#syncOne(node)),
    );
    for (const result of results) {
      if (result.status === "rejected") throw toFsError(result.reason);
    }
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
