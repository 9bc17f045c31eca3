import { RecentMap } from "../../base/recent_map.ts";
import type { LocalNode } from "./node.ts";

/** Maps that share the files, for one of all would take long whenever it grows. */
const PARTS = 64;

/** How many inode numbers are remembered, to twice as many. */
export interface KeptParents {
  /** Of files. */
  readonly files: number;
  /** Of folders: all the ways to files lead through them, and they are far fewer. */
  readonly folders: number;
}

/**
 * In which folder each file was seen last, by inode numbers: what is left of those
 * that have gone from memory. Hints, checked at every use.
 */
export class Parents {
  readonly #files: readonly RecentMap<number, number>[];
  readonly #folders: RecentMap<number, number>;

  /** Those that were not asked for lately are forgotten. */
  constructor({ files, folders }: KeptParents) {
    this.#files = Array.from(
      { length: PARTS },
      () => new RecentMap(Math.ceil(files / PARTS)),
    );
    this.#folders = new RecentMap(folders);
  }

  /** The folder that an inode number was last seen in. */
  of(inode: number): number | undefined {
    return this.#folders.get(inode) ?? this.#partOf(inode).get(inode);
  }

  /** A file or folder was seen in the folder `parent`. */
  remember(
    { inode, type }: Pick<LocalNode, "inode" | "type">,
    parent: number,
  ): void {
    const kept = type === "directory" ? this.#folders : this.#partOf(inode);
    kept.set(inode, parent);
  }

  /** The file or folder is gone. */
  forget({ inode, type }: Pick<LocalNode, "inode" | "type">): void {
    if (type === "directory") this.#folders.delete(inode);
    else this.#partOf(inode).delete(inode);
  }

  #partOf(inode: number): RecentMap<number, number> {
    return this.#files[inode % PARTS]!;
  }
}
