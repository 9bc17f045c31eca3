import type { Awaitable } from "../../base/awaitable.ts";
import type {
  AttributeChanges,
  ChangeInfo,
  DeviceNumber,
  FileAttributes,
  WantedAttributes,
} from "../attributes.ts";
import type { JudgedEntry, JudgedRename } from "../judged.ts";
import type { Rights } from "../wanted.ts";

/** An entry of a folder. */
export interface DirectoryEntry<Node> {
  /**
   * Its name; one that no client can ask for ("", ".", "..", with "/" or NUL, longer
   * than `maxName`, a lone surrogate that `rawNames` does not allow) is not listed.
   */
  readonly name: string;
  /**
   * Where to go on after this entry: 1 to 2^52, the same for as long as the
   * entry is there, whatever else comes and goes.
   */
  readonly cookie: number;
  /** The node, where it is at hand; otherwise the server looks it up. */
  readonly node?: Node | undefined;
  /**
   * Its attributes, where they are at hand together with `node`: as `getattr` would
   * return them, which is then not called for this entry.
   */
  readonly attributes?: FileAttributes | undefined;
}

/** Part of a folder. */
export interface DirectoryPage<Node> {
  /** In the order of the folder; may be fewer than asked for, not none unless `end`. */
  readonly entries: readonly DirectoryEntry<Node>[];
  /** Whether nothing comes after them. */
  readonly end: boolean;
  /**
   * Whether this object is returned again only for as long as all of it is as it was, the
   * attributes of its entries included: the server may keep what it has made of it.
   */
  readonly isLasting?: boolean | undefined;
}

/** A name in a folder. */
export interface DirectoryName<Node> {
  /** The folder. */
  readonly directory: Node;
  /** The name in it. */
  readonly name: string;
}

/** What {@linkcode FileSystem.create} is to make. */
export type CreateKind =
  | { readonly type: "file" | "directory" | "fifo" | "socket" }
  | { readonly type: "symlink"; readonly target: string }
  | {
    readonly type: "block-device" | "character-device";
    readonly rdev: DeviceNumber;
  };

/** How {@linkcode FileSystem.create} is to make it. */
export interface CreateOptions {
  /**
   * Mode, owner, group and times of the new node, and the size of a file, all of
   * them or nothing is made; `uid`, `gid` and `mode` are always given.
   */
  readonly attributes: AttributeChanges & {
    readonly mode: number;
    readonly uid: number;
    readonly gid: number;
  };
  /**
   * Where {@linkcode FileSystemLimits.defaultLists} says so: bits that the mode loses
   * in a folder that has no access list for what is made in it (RFC 8275 5).
   */
  readonly umask?: number | undefined;
  /**
   * Exclusive create (RFC 8881 18.16.3): 8 bytes that are kept with the file,
   * not as one of its attributes. Where the name is taken by a file that was
   * created with the same verifier, that file is the answer, `created: false`.
   */
  readonly verifier?: Uint8Array | undefined;
  /** What of the folder the caller was judged by; see {@linkcode FileSystem}. */
  readonly judged?: Rights | undefined;
}

/** What {@linkcode FileSystem.create} made. */
export interface Created<Node> {
  /** The new node. */
  readonly node: Node;
  /** The folder's change. */
  readonly change: ChangeInfo;
  /** False when an earlier exclusive create of the same verifier made it. */
  readonly created: boolean;
}

/** An entry of a listing, as a client finds it there. */
export interface ListedName {
  /** In its folder. */
  readonly name: string;
  /** As `readdir` tells it. */
  readonly cookie: number;
}

/** Where an entry stands in the listing of its folder. */
export interface EntryPlace {
  /** As `readdir` tells it. */
  readonly cookie: number;
  /** The entry before it, where there is one. */
  readonly previous: ListedName | undefined;
  /** Whether none comes after it. */
  readonly isLast: boolean;
}

/** The part of a {@linkcode FileSystem} that names files: entries of folders, and how they come, go and move. */
export interface DirectoryTree<Node extends object = object> {
  /** The entry `name` of a folder, `undefined` where there is none. */
  lookup(directory: Node, name: string): Awaitable<Node | undefined>;

  /** The parent of a folder other than the root. */
  parent(directory: Node): Awaitable<Node>;

  /**
   * Up to `limit` entries that come after the one with `cookie`; 0 is the start.
   * `wanted` is what `getattr` is going to be asked of each that comes without
   * {@linkcode DirectoryEntry.attributes}; nothing where it is left out.
   */
  readdir(
    directory: Node,
    cookie: number,
    limit: number,
    wanted?: WantedAttributes,
  ): Awaitable<DirectoryPage<Node>>;

  /**
   * Where an entry stands in the listing of its folder, for clients that are told
   * of changes instead of having to list again (CB_NOTIFY); `undefined` where there
   * is none of that name. Must not wait. Without this method no client is told.
   *
   * It is asked before a change is made and when that has been answered, and is to
   * know of neither more nor less then: leave it out where changes are there some
   * time before their promises resolve, and others are made meanwhile.
   */
  place?(directory: Node, name: string): EntryPlace | undefined;

  /** Makes an entry; "exists" when the name is taken (but see `verifier`). */
  create?(
    directory: Node,
    name: string,
    kind: CreateKind,
    options: CreateOptions,
  ): Awaitable<Created<Node>>;

  /** A further name for a node that is not a folder. */
  link?(
    node: Node,
    directory: Node,
    name: string,
    /** Of the folder. */
    judged?: Rights,
  ): Awaitable<ChangeInfo>;

  /** Removes an entry; a folder only when it is empty ("not-empty"). */
  remove?(
    directory: Node,
    name: string,
    judged?: JudgedEntry<Node>,
  ): Awaitable<ChangeInfo>;

  /**
   * Moves an entry, replacing what `to.name` names where POSIX allows it.
   * Two names of one file: nothing happens. A folder into itself: "invalid".
   */
  rename?(
    from: DirectoryName<Node>,
    to: DirectoryName<Node>,
    judged?: JudgedRename<Node>,
  ): Awaitable<{ readonly source: ChangeInfo; readonly target: ChangeInfo }>;
}
