import { allDone } from "../../base/all_done.ts";
import fs from "node:fs";
import { askedBy, type Asker, OWN, workFor } from "../../base/asker.ts";
import { hostCode } from "../../base/host_error.ts";
import { hostThreads } from "../common/host_threads.ts";
import { isDenied, toFsError } from "./errno.ts";
import type { FileDescriptors } from "./file_descriptors.ts";
import { type LocalNode, Misplaced } from "./node.ts";
import { OneForAll } from "./one_for_all.ts";
import { MOST_LEVELS } from "./folders.ts";
import type { Tree } from "./tree.ts";

/** A sync of a node that has not begun: what is changed until then shares it. */
interface Due {
  readonly node: LocalNode;
  readonly outcome: PromiseWithResolvers<void>;
  /** In whose turns it comes, whichever is first. */
  readonly askers: Set<Asker>;
}

/**
 * Makes names and attributes durable before the changes of them are answered.
 * The parties take turns, and the connections of each: of what one has changed,
 * thousands of files say, others wait for a part of it that is as small as what
 * they have changed themselves.
 */
export class Settlement {
  readonly #tree: Tree;
  readonly #files: FileDescriptors;
  /** The root, for which no other folder can stand in once its mode keeps us from opening it. */
  readonly #root: number;
  readonly #due = new Map<LocalNode, Due>();
  readonly #syncing = new Map<LocalNode, Promise<void>>();
  /** Those that take no place. */
  readonly #alone = new Set<Promise<void>>();
  readonly #wholeSync: OneForAll;

  /** `root`: a descriptor of the root that can be synced. */
  constructor(tree: Tree, files: FileDescriptors, root: number) {
    this.#tree = tree;
    this.#files = files;
    this.#root = root;
    // For all who wait: it stands in the line of none of them.
    this.#wholeSync = new OneForAll(() =>
      workFor(OWN, () => hostThreads.short.run(() => tree.host.syncAll(root)))
    );
  }

  /**
   * Has what was done to these nodes up to now on stable storage: entries of
   * folders, attributes. With it the folders that lead to them, as far as others
   * have changed them and wait for that.
   */
  async settle(nodes: Iterable<LocalNode>): Promise<void> {
    const asker = askedBy();
    const parts: Promise<void>[] = [];
    for (const node of nodes) {
      parts.push(this.#join(node, asker), ...this.#above(node, asker));
    }
    await allOf(parts);
  }

  /** Has one node on stable storage while others settle theirs: that may take long. */
  async settleAlone(node: LocalNode): Promise<void> {
    const alone = this.#sync(node);
    this.#alone.add(alone);
    const end = () => void this.#alone.delete(alone);
    alone.then(end, end);
    await allOf([alone, ...this.#above(node, askedBy())]);
  }

  /** The same of the folders that lead to a node; `undefined` where none is being changed. */
  settleAbove(node: LocalNode): Promise<void> | undefined {
    const above = this.#above(node, askedBy());
    return above.length === 0 ? undefined : allOf(above);
  }

  /** Resolves when nothing is being settled any more, however that ends. */
  async ended(): Promise<void> {
    while (this.#due.size + this.#syncing.size + this.#alone.size > 0) {
      const due = [...this.#due.values()].map(({ outcome }) => outcome.promise);
      const begun = [...this.#syncing.values(), ...this.#alone];
      await Promise.allSettled([...due, ...begun]);
    }
  }

  #above(node: LocalNode, asker: Asker): Promise<void>[] {
    const parts: Promise<void>[] = [];
    if (this.#due.size + this.#syncing.size === 0) return parts;
    let at = node.places[0]?.parent;
    for (let levels = 0; at !== undefined && levels <= MOST_LEVELS; levels++) {
      const syncing = this.#syncing.get(at);
      if (this.#due.has(at)) parts.push(this.#join(at, asker));
      else if (syncing !== undefined) parts.push(syncing);
      at = at.places[0]?.parent;
    }
    return parts;
  }

  /** The next sync of a node, which takes its turn among those of the party as well. */
  #join(node: LocalNode, asker: Asker): Promise<void> {
    let due = this.#due.get(node);
    if (due === undefined) {
      const outcome = Promise.withResolvers<void>();
      due = { node, outcome, askers: new Set() };
      this.#due.set(node, due);
    }
    if (!due.askers.has(asker)) {
      due.askers.add(asker);
      if (!this.#syncing.has(node)) this.#enter(due, asker);
    }
    return due.outcome.promise;
  }

  #enter(due: Due, asker: Asker): void {
    const begin = async (leave: () => void) => {
      // All that came in one piece is changed first.
      await undefined;
      // It may have begun in the turn of another.
      if (this.#due.get(due.node) === due) await this.#begin(due, leave);
    };
    void workFor(asker, () => hostThreads.short.run(begin));
  }

  /** Resolves when it has ended, however. */
  #begin({ node, outcome }: Due, leave: () => void): Promise<void> {
    this.#due.delete(node);
    const sync = this.#sync(node, leave);
    this.#syncing.set(node, sync);
    outcome.resolve(sync);
    const end = () => {
      this.#syncing.delete(node);
      const next = this.#due.get(node);
      for (const asker of next?.askers ?? []) this.#enter(next!, asker);
    };
    return sync.then(end, end);
  }

  /** By a thread that there is, or, without `leave`, in the line for one. */
  async #sync(node: LocalNode, leave?: () => void): Promise<void> {
    try {
      if (node.isGone) return;
      if (node.type === "file") {
        return await this.#files.sync(node, { all: true, leave });
      }
      if (node.type === "directory") {
        return await this.#syncFolder(node);
      }
    } catch (error) {
      if (!(error instanceof Misplaced) && !mayBeClosed(error)) throw error;
    }
    // That is for all who wait, and takes no place of theirs.
    leave?.();
    await this.#syncClosed(node);
  }

  /**
   * What can't be opened: a symlink, what its mode keeps from us, what the host has
   * moved elsewhere since; and folders of a file system that syncs none.
   */
  async #syncClosed(node: LocalNode): Promise<void> {
    const { host } = this.#tree;
    if (host.canSyncAll) return await this.#wholeSync.run();
    // Its folder, as a rule, is in the same journal.
    const [place] = node.places;
    if (place !== undefined) await this.#join(place.parent, askedBy());
  }

  async #syncFolder(node: LocalNode): Promise<void> {
    const { host, root } = this.#tree;
    const folder = this.#tree.folders.open(node);
    if (node === root) return await sync(this.#root);
    const fd = openFolder(host.folderPath(folder));
    try {
      await sync(fd);
    } finally {
      fs.closeSync(fd);
    }
  }
}

function mayBeClosed(error: unknown): boolean {
  return isDenied(error) || hostCode(error) === "EINVAL";
}

/** Waits for all, and throws what the first of them threw. */
async function allOf(parts: readonly Promise<void>[]): Promise<void> {
  try {
    await allDone(parts);
  } catch (error) {
    throw toFsError(error);
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
