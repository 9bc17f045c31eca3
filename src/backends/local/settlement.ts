import type { Awaitable } from "../../base/awaitable.ts";
import fs from "node:fs";
import { isDenied, toFsError } from "./errno.ts";
import type { FileDescriptors } from "./file_descriptors.ts";
import { type LocalNode, Misplaced } from "./node.ts";
import type { Tree } from "./tree.ts";

/** Nodes that are synced at once, each with a descriptor: a crowd's changes must not take all there are. */
const AT_ONCE = 32;

/** The sync of a node that is under way, and the one after it. */
interface Syncing {
  readonly now: Promise<void>;
  next?: Promise<void>;
}

/** Makes names and attributes durable: once for all the changes that are answered together. */
export class Settlement {
  readonly #tree: Tree;
  readonly #files: FileDescriptors;
  #pending = new Set<LocalNode>();
  /** What was taken from `#pending` and is not on stable storage yet. */
  readonly #underWay = new Set<Promise<void>>();
  readonly #syncing = new Map<LocalNode, Syncing>();
  /** The root, for which no other folder can stand in once its mode keeps us from opening it. */
  readonly #root: number;
  #running = 0;
  readonly #waiting: (() => void)[] = [];

  /** `root`: a descriptor of the root that can be synced. */
  constructor(tree: Tree, files: FileDescriptors, root: number) {
    this.#tree = tree;
    this.#files = files;
    this.#root = root;
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

  /** Has one node on stable storage while others settle theirs: that may take long. */
  async settleAlone(node: LocalNode): Promise<void> {
    await allOf([this.#syncOne(node)]);
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
      try {
        await this.#share(node);
      } catch (reason) {
        failure ??= { reason };
      }
    }
    if (failure !== undefined) throw failure.reason;
  }

  /** What is changed while a node is synced waits for the next sync, which is one for all of it. */
  #share(node: LocalNode): Promise<void> {
    const syncing = this.#syncing.get(node);
    if (syncing === undefined) return this.#start(node);
    const next = () => this.#start(node);
    return syncing.next ??= syncing.now.then(next, next);
  }

  #start(node: LocalNode): Promise<void> {
    const syncing: Syncing = { now: this.#syncInTurn(node) };
    this.#syncing.set(node, syncing);
    const end = () => {
      if (this.#syncing.get(node) === syncing) this.#syncing.delete(node);
    };
    syncing.now.then(end, end);
    return syncing.now;
  }

  async #syncInTurn(node: LocalNode): Promise<void> {
    if (this.#running < AT_ONCE) this.#running++;
    else await new Promise<void>((go) => this.#waiting.push(go));
    try {
      await this.#syncOne(node);
    } finally {
      const next = this.#waiting.shift();
      if (next === undefined) this.#running--;
      else next();
    }
  }

  async #syncFolder(node: LocalNode): Promise<void> {
    const { host, root } = this.#tree;
    const folder = this.#tree.folder(node);
    if (node === root) return await sync(this.#root);
    const fd = openFolder(host.folderPath(folder));
    try {
      await sync(fd);
    } finally {
      fs.closeSync(fd);
    }
  }

  async #syncOne(node: LocalNode): Promise<void> {
    try {
      if (node.isGone) return;
      if (node.type === "file") {
        return await this.#files.sync(node, { all: true });
      }
      if (node.type === "directory") {
        return await this.#syncFolder(node);
      }
    } catch (error) {
      // Moved or removed behind our back since: what we did to it is theirs now.
      if (error instanceof Misplaced) return;
      if (!isDenied(error)) throw error;
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

/** Opens a folder to be synced. */
export function openFolder(path: string): number {
  const { O_RDONLY, O_DIRECTORY } = fs.constants;
  return fs.openSync(path, O_RDONLY | O_DIRECTORY);
}

function sync(fd: number): Promise<void> {
  return new Promise((resolve, reject) => {
    fs.fsync(fd, (error) => error === null ? resolve() : reject(error));
  });
}
