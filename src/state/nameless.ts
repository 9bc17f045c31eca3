import type { FileSystem } from "../vfs/file_system.ts";
import type { FileState } from "./file_states.ts";
import { spreadOf, WideMap } from "./wide_map.ts";

/** Files of one owner, by their keys. */
type Owned = WideMap<string, FileState>;

/**
 * Files that have lost their last name and stay for the clients alone that hold
 * something of them, by file system and by the owner that each had then.
 */
export class NamelessFiles {
  readonly #perSystem = new Map<FileSystem, Map<number, Owned>>();
  /** Whose files room is being made for. */
  readonly #making = new WeakMap<FileSystem, Set<number>>();

  /** A file of `owner` has lost its last name. */
  add(file: FileState, owner: number): void {
    this.delete(file);
    file.namelessOf = owner;
    const { export: { fs }, key } = file.file;
    let perOwner = this.#perSystem.get(fs);
    if (perOwner === undefined) this.#perSystem.set(fs, perOwner = new Map());
    let owned = perOwner.get(owner);
    if (owned === undefined) {
      perOwner.set(owner, owned = new WideMap(spreadOf));
    }
    owned.set(key, file);
  }

  /** Nothing is held of a file any more. */
  delete(file: FileState): void {
    const owner = file.namelessOf;
    if (owner === undefined) return;
    const { export: { fs }, key } = file.file;
    const perOwner = this.#perSystem.get(fs)!;
    const owned = perOwner.get(owner)!;
    owned.delete(key);
    if (owned.size === 0) perOwner.delete(owner);
    if (perOwner.size === 0) this.#perSystem.delete(fs);
  }

  /**
   * Those that make room for one more of `owner` when they are closed: its own, and
   * those of owners who have as many. Who has fewer gives way to none who has more.
   */
  *inTheWayOf(owner: number, fs: FileSystem): Generator<FileState> {
    const perOwner = this.#perSystem.get(fs);
    const own = perOwner?.get(owner)?.size ?? 0;
    for (const owned of perOwner?.values() ?? []) {
      if (owned.size >= own) yield* owned.values();
    }
  }

  /** Room is made for one more of `owner`, until that is disposed of; `undefined` where it is already. */
  makeRoom(owner: number, fs: FileSystem): Disposable | undefined {
    let owners = this.#making.get(fs);
    if (owners === undefined) this.#making.set(fs, owners = new Set());
    if (owners.has(owner)) return undefined;
    owners.add(owner);
    return { [Symbol.dispose]: () => void owners.delete(owner) };
  }
}
