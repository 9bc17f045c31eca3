import type { Awaitable } from "../../base/awaitable.ts";
import fs from "node:fs";
import { hostCode } from "../../base/host_error.ts";
import { toFsError } from "./errno.ts";
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
  /** What was taken from `#pending` and is not on stable storage yet. */
  readonly #underWay = new Set<Promise<void>>();
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

  /**
   * Waits until all that was added is on stable storage, also what another call
   * is settling already: this caller may have added it.
   */
  settle(): Awaitable<void> {
    if (this.#pending.size > 0) {
      const pending = this.#pending;
      this.#pending = new Set();
      this.#begin(this.#sync(pending));
    }
    if (this.#underWay.size > 0) return allOf([...this.#underWay]);
  }

  #begin(sync: Promise<void>): void {
    this.#underWay.add(sync);
    const end = () => void this.#underWay.delete(sync);
    sync.then(end, end);
  }

  async #sync(pending: Set<LocalNode>): Promise<void> {
    const nodes = pending.values();
    const lanes = Array.from(
      { length: Math.min(AT_ONCE, pending.size) },
      () => this.#syncEach(nodes),
    );
    await allOf(lanes);
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
      if (node.isGone) return;
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
    // Without a place it was moved away meanwhile.
    const [place] = node.places;
    if (place !== undefined) await this.#syncOne(place.parent);
  }
}

/** Waits for all, and throws what the first of them threw. */
async function allOf(parts: readonly Promise<void>[]): Promise<void> {
  for (const part of await Promise.allSettled(parts)) {
    if (part.status === "rejected") throw toFsError(part.reason);
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
