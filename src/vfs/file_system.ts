/**
 * The seam between the server and what it serves. What implements
 * {@linkcode FileSystem} can be mounted by a client.
 *
 * @module
 */

import type { Awaitable } from "../base/awaitable.ts";
import type { Trust } from "../rpc/auth.ts";
import type {
  AttributeChanges,
  DeviceNumber,
  FileAttributes,
  WantedAttributes,
} from "./attributes.ts";
import type { JudgedEntry, JudgedRename } from "./judged.ts";
import type { Rights } from "./wanted.ts";

export type { Trust } from "../rpc/auth.ts";
export type * from "./attributes.ts";

/**
 * The change counter around an operation (RFC 8881 3.3.8, change_info4): of a folder
 * whose entries it changes, or of the node whose extended attributes.
 */
export interface ChangeInfo {
  /** True when nothing else can have come between `before` and `after`. */
  readonly atomic: boolean;
  /** The counter before. */
  readonly before: number;
  /** The counter after. */
  readonly after: number;
}

/** The user who asks, after squashing. Owner and group of what is created are in its attributes. */
export interface Caller {
  /** Effective user. */
  readonly uid: number;
  /** Effective group. */
  readonly gid: number;
  /** Further groups; AUTH_SYS carries 16 at most. */
  readonly gids: readonly number[];
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

/** A folder of the host that a file system keeps its files in. */
export interface HostFolder {
  /** Absolute, without symlinks. */
  readonly path: string;
  /**
   * Whether clients see what is in it as it is there; else it is for the file system
   * alone. Users of the host work in it as well then: clients may not link what
   * Linux keeps these from linking (fs.protected_hardlinks).
   */
  readonly isShown: boolean;
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

/** What {@linkcode FileSystem.read} did. */
export interface ReadResult {
  /** Bytes put into the target; more than its length count as that. */
  readonly bytes: number;
  /** Whether the file ends with them. */
  readonly eof: boolean;
  /**
   * Of a read that had to wait: whether what it looked at when it ended was settled.
   * What others have changed while it waited, or lost, is not its business then (see
   * {@linkcode FileSystem.unsettled}).
   */
  readonly isSettled?: boolean | undefined;
}

/**
 * How safe written data is (RFC 8881 18.32.3): "unstable" may be lost with the
 * server, "data" has content and size on stable storage, "file" all attributes too.
 */
export type Stability = "unstable" | "data" | "file";

/** What a part of a file is: bytes, or a hole, which reads as zeros and need take no room (RFC 7862 15.10). */
export type ContentKind = "data" | "hole";

/** From where to where {@linkcode FileSystem.clone} shares content, in bytes. */
export interface CloneRange {
  /** First byte of the source. */
  readonly sourceOffset: number;
  /** First byte of the target. */
  readonly targetOffset: number;
  /** Number of bytes. */
  readonly length: number;
}

/** Room in a file system. Bytes and counts. */
export interface FileSystemStatus {
  /** Bytes in all. */
  readonly totalBytes: number;
  /** Bytes free. */
  readonly freeBytes: number;
  /** Bytes free for an ordinary user. */
  readonly availableBytes: number;
  /** Bytes that its own files take; all that is not free where absent, others' on the same disk included. */
  readonly usedBytes?: number | undefined;
  /** Nodes that the file system can hold. */
  readonly totalFiles: number;
  /** Nodes that can still be made. */
  readonly freeFiles: number;
}

/**
 * How {@linkcode FileAttributes.change} grows (RFC 7862 12.2.3): by some with each
 * change, by one with each, or as the clock of ctime does.
 */
export type ChangeType = "monotonic" | "version-counter" | "time-metadata";

/** What holds for a whole file system. */
export interface FileSystemLimits {
  /** Longest name in bytes of UTF-8; 255 where absent. */
  readonly maxName?: number | undefined;
  /**
   * Names and targets of symlinks may be any bytes: one that belongs to no UTF-8
   * character is a lone surrogate, U+DC80 for 0x80 to U+DCFF for 0xff. Where
   * absent, such names are refused, and must not be listed.
   */
  readonly rawNames?: boolean | undefined;
  /**
   * Whether folders may have an access list for what is made in them (acl(5)), by which
   * its mode is limited then, and not by the client's umask: `create` is told both.
   */
  readonly defaultLists?: boolean | undefined;
  /** Largest file in bytes; 2^53 - 1 where absent. */
  readonly maxFileSize?: number | undefined;
  /**
   * Bytes of a block of {@linkcode FileSystem.clone}: offsets are multiples of it, and
   * lengths are but at the end of the source; 4096 where absent.
   */
  readonly cloneBlock?: number | undefined;
  /**
   * Whether all of its files share a quota: `status` tells what that has left (of
   * `availableBytes`), and what they take of it (`usedBytes`).
   */
  readonly hasQuota?: boolean | undefined;
  /** How the counters of changes grow; clients can't tell where absent. */
  readonly changeType?: ChangeType | undefined;
  /** Most hard links of a file; 65535 where absent. */
  readonly maxLink?: number | undefined;
  /** Smallest difference between two times that it keeps, in nanoseconds; 1 where absent. */
  readonly timeDelta?: number | undefined;
}

/** What a durable file system has done since it was opened; counts only grow. */
export interface FileSystemStats {
  /** What `settle` promises: an fsync, what the operating system does, nothing. */
  readonly durability: "full" | "os" | "none";
  /** Operations that changed something. */
  readonly operations: number;
  /** Transactions that these shared. */
  readonly commits: number;
  /** Commits that waited for the disk. */
  readonly syncs: number;
  /** Calls of `settle` that had to wait. */
  readonly settles: number;
  /** Bytes written to files. */
  readonly writtenBytes: number;
  /** Whether an error of the disk ended the service. */
  readonly failed: boolean;
}

/**
 * Small things that the server itself has to remember: values by key, in named
 * collections. They change in the same transaction as the files around them, so
 * that after a crash there are both or neither.
 */
export interface ServerRecords {
  /** Grows with each change of files or records. */
  readonly changes: number;
  /**
   * Sets the value of a key, which is copied; throws {@linkcode FsError}. A store
   * that has to wait for its database holds it until `settle`, with the changes of
   * files around it.
   */
  put(collection: string, key: string, value: Uint8Array): void;
  /** Removes a key, if it is there; throws {@linkcode FsError}. */
  delete(collection: string, key: string): void;
  /** All of a collection; asked when a server starts. */
  all(collection: string): Awaitable<ReadonlyMap<string, Uint8Array>>;
  /**
   * Has `undone` called for each key that `settle` could not make durable: its
   * value is what it was before, and may be set anew at once.
   */
  watch?(undone: (collection: string, key: string) => void): void;
}

/** Whether {@linkcode FileSystem.setxattr} may make an extended attribute, and replace one (RFC 8276 8.4.2). */
export type SetXattrOption = "either" | "create" | "replace";

/** How an open file is going to be used. */
export interface OpenMode {
  /** For reading. */
  readonly read: boolean;
  /** For writing. */
  readonly write: boolean;
}

/**
 * A tree of files. `Node` is the file system's own object for a file or
 * folder: the server keeps it, hands it back, and never looks inside. The same
 * object for the same file, as long as anything holds it, saves work.
 *
 * What must be there is what reading needs. Leave out what your tree can't do:
 * the client is told NFS4ERR_NOTSUPP, or NFS4ERR_ROFS for changes. Each object is
 * judged by itself when the server starts: a method that is `undefined` on it is not
 * there, though others of its class may have one.
 *
 * Permissions are checked before a method is called (see `permissions.ts`); names have
 * been checked: UTF-8, 1 to `maxName` bytes, no "/", no NUL, not "." or "..".
 * What that went by is `judged`: a file system in which anything can come between its
 * `getattr` or `lookup` and a change compares it as it makes the change, and throws
 * "busy" where it is another by then (`judged.ts`): the client is judged anew. One
 * that shows other owners or modes than the one it hands its calls on to leaves it out.
 * All errors are {@linkcode FsError}s. What a method returns is looked at before it
 * is used (NFS4ERR_IO where it can't be), and given up when it takes longer than
 * `fileSystemTimeout` of `ServeOptions` (NFS4ERR_DELAY).
 */
export interface FileSystem<Node extends object = object> {
  /** Limits, where they are not the usual ones. */
  readonly limits?: FileSystemLimits | undefined;

  /**
   * What has to speak for a caller where the export does not say (see
   * `ExportOptions.trust`); "any" where absent: for a tree in which owners and
   * modes guard nothing.
   */
  readonly trust?: Trust | undefined;

  /**
   * Where on the host its files are, if they are in a folder: the server warns where
   * exports, or its own state, share one.
   */
  readonly folder?: HostFolder | undefined;

  /** What it has done, for metrics; read at each scrape. */
  readonly stats?: FileSystemStats | undefined;

  /**
   * Keeps what the server has to remember, as durably as files. With it, and a
   * `stats.durability` other than "none", sessions survive a restart
   * (RFC 8881 2.10.6.5).
   */
  readonly records?: ServerRecords | undefined;

  /** The root folder. */
  root(): Node;

  /**
   * The identity of a node: 1 to 11 bytes that no other node ever has, not even
   * after this one is gone, and that name it wherever it is renamed to. The
   * same after a restart, where clients are to survive one.
   */
  identify(node: Node): Uint8Array;

  /**
   * The node of an identity; "stale" when it is gone, "busy" when that can't be told
   * now. Clients can be told nothing else of a filehandle: any other error is
   * NFS4ERR_SERVERFAULT to them, and logged.
   */
  resolve(identity: Uint8Array): Awaitable<Node>;

  /**
   * The attributes of a node; may be its live record, read at once. What is not
   * `wanted` is not looked at; all are wanted where it is left out.
   */
  getattr(node: Node, wanted?: WantedAttributes): Awaitable<FileAttributes>;

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

  /** Fills `target` with content from `offset` on. Called for regular files only. */
  read(file: Node, offset: number, target: Uint8Array): Awaitable<ReadResult>;

  /** The target of a symlink, of 4096 bytes at most. */
  readlink?(symlink: Node): Awaitable<string>;

  /** Room left. */
  status?(): Awaitable<FileSystemStatus>;

  /**
   * The file is opened by a client. A file that is removed while it is open stays
   * readable until as many `close` calls as `open` calls came, mode by mode.
   */
  open?(file: Node, mode: OpenMode): Awaitable<void>;

  /** Ends one `open` of the same mode. */
  close?(file: Node, mode: OpenMode): Awaitable<void>;

  /** Changes attributes, all or none. A changed size changes mtime and ctime. */
  setattr?(
    node: Node,
    changes: AttributeChanges,
    judged?: Rights,
  ): Awaitable<void>;

  /**
   * Writes all of `data` at `offset`, zeros filling a gap, at least as stably as
   * asked; returns how stable it is. `data` is the server's: copy what is kept.
   */
  write?(
    file: Node,
    offset: number,
    data: Uint8Array,
    stability: Stability,
  ): Awaitable<Stability>;

  /**
   * The value of an extended attribute of a file or folder (RFC 8276), 65,536 bytes at
   * most; `undefined` where there is none of that name. Names are without the
   * "user." that Linux puts before them, and have been checked: UTF-8, 1 to 255
   * bytes, no NUL. With this method and `listxattrs` a file system has
   * extended attributes.
   */
  getxattr?(node: Node, name: string): Awaitable<Uint8Array | undefined>;

  /**
   * The names of all extended attributes of a file or folder, 4,096 at most, in any
   * order; what can't be a name, or is there twice, is left out by the server.
   */
  listxattrs?(node: Node): Awaitable<readonly string[]>;

  /**
   * Makes or replaces an extended attribute, all of it or nothing: "exists" where
   * it is there and `option` is "create", "no-xattr" where it is not and that is
   * "replace", "xattr-too-big" for a value, or all of the node's together, that
   * it can't keep. Another value changes ctime and the counter of
   * {@linkcode FileAttributes.change}, not mtime. `value` is the callee's to keep.
   */
  setxattr?(
    node: Node,
    name: string,
    value: Uint8Array,
    option: SetXattrOption,
    judged?: Rights,
  ): Awaitable<ChangeInfo>;

  /** Removes an extended attribute, which changes what `setxattr` does; "no-xattr" where there is none of that name. */
  removexattr?(
    node: Node,
    name: string,
    judged?: Rights,
  ): Awaitable<ChangeInfo>;

  /** Puts everything written to the file so far on stable storage. */
  commit?(file: Node): Awaitable<void>;

  /**
   * Gives `length` bytes from `offset` on, which are some, room of their own, so that
   * no later write to them is "no-space" (RFC 7862 15.1): "no-space" or "quota" where
   * there is none. What is there stays, the rest reads as zeros; a file that ends
   * before their end ends there then. mtime and ctime change. "not-supported" where
   * its place has nothing of the kind. As durable as `setattr`.
   */
  allocate?(file: Node, offset: number, length: number): Awaitable<void>;

  /**
   * Has `length` bytes from `offset` on, which are some, read as zeros, and gives
   * back the room of as many of them as it can (RFC 7862 15.4). The size stays as it
   * is, wherever they end; mtime and ctime change. As durable as `setattr`.
   */
  deallocate?(file: Node, offset: number, length: number): Awaitable<void>;

  /**
   * Has a range of `target`, which ends behind it at least, read as that of `source`
   * does now, without a copy of it, and all at once (RFC 7862 15.13): what is
   * written to one of the two later shows in that one alone. Both may be the same
   * file, in which the ranges do not overlap. The source has these bytes, which are
   * some; what its last block has behind its end is zeros in the target, and where the
   * range ends with part of a block, the target must not go on behind it ("invalid").
   * mtime and ctime of the target change. "not-supported" where its place has nothing of the
   * kind. As durable as `setattr`.
   */
  clone?(source: Node, target: Node, range: CloneRange): Awaitable<void>;

  /**
   * Where the next data, or the next hole, of a file begins, from `offset` on
   * (RFC 7862 15.11): `offset` itself where it lies in it. The end of the file is a
   * hole; `undefined` where nothing of that comes before the end. What is told to be
   * a hole has to read as zeros. Called for an `offset` before the end, as far as is
   * known. Without it all of a file is data.
   */
  seek?(
    file: Node,
    offset: number,
    what: ContentKind,
  ): Awaitable<number | undefined>;

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

  /**
   * Makes durable what was answered so far. Called once for all the requests in
   * hand, before the replies leave that rely on it; a file system that is durable (or never)
   * at each call leaves it out.
   *
   * Throws or rejects with an {@linkcode FsError} ("no-space", "io", …) where
   * what was changed since it was last called could not be made durable. What
   * is visible is then what is durable: those changes are undone, with the
   * {@linkcode records} that came with them, and the next calls go on from
   * there; or there is a {@linkcode failure}, and every call is "io". (Bytes
   * that a `write` put over others may be there all the same: no client was
   * told that they are.)
   */
  settle?(): Awaitable<void>;

  /**
   * Grows with each call that changes something, looks at what is not durable yet
   * (also where that is gone, or refuses the call) or is a `commit`. A request during
   * which it stood still, and that was not refused, is answered without `settle`:
   * what others have changed, and may lose, is not its business. `undefined` where
   * that can't be told: then each request waits for `settle`.
   */
  readonly unsettled?: number | undefined;

  /**
   * How often changes were undone that `settle` had not made durable. A request
   * that waits for something else meanwhile has lost what it did when this
   * number was another before: it can't count on its own `settle` to say so.
   */
  readonly losses?: number | undefined;

  /**
   * How often bytes that `write` took as "unstable" may have been lost, as by an
   * fsync that failed: the host tells that once, to one caller. The server then
   * has another verifier for all clients, and they write again what they have
   * not committed (RFC 8881 18.32.4).
   */
  readonly lostWrites?: number | undefined;

  /**
   * Why nothing can be promised, in one line, until the file system is opened anew
   * or what it depends on is there again; `undefined` as long as it is sound. A
   * server asks each second, tells it in its log and by `/healthz`, and tells the end
   * of it.
   */
  failure?(): string | undefined;

  /**
   * Called by a server when it starts. Before the file system changes a file, or
   * a folder that is guarded, by itself, that is for none of the calls above, it awaits `recall`, so that no
   * client goes on with what it was promised (RFC 8881 10.4). That may take as
   * long as a lease. What it only hears of afterwards, it recalls then.
   */
  watch?(recall: (node: Node) => Promise<void>): void;

  /**
   * A client is about to be trusted with a file (a delegation). From now on, until
   * the result is disposed of, whatever else changes the file has it recalled;
   * `undefined` where that can't be promised, and the client is not trusted. It may
   * have opened the file by itself, which goes on as an open one does when something
   * else removes it. Must not throw. A file system without this method, but for
   * `watch`, changes by our calls alone.
   */
  guard?(file: Node): Disposable | undefined;

  /**
   * The same for a folder, its entries and its own attributes (a directory
   * delegation): the folder is recalled before, or as soon as, anything but our
   * calls changes them. Without this method no client is trusted with a folder of
   * a file system that has `watch` or `guard`.
   */
  guardFolder?(folder: Node): Disposable | undefined;

  /**
   * Where an entry stands in the listing of its folder, for clients that are told
   * of changes instead of having to list again (CB_NOTIFY); `undefined` where there
   * is none of that name. Must not wait. Without this method no client is told.
   */
  place?(directory: Node, name: string): EntryPlace | undefined;

  /** The server is done with the file system. */
  dispose?(): Awaitable<void>;
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

/** A name in a folder. */
export interface DirectoryName<Node> {
  /** The folder. */
  readonly directory: Node;
  /** The name in it. */
  readonly name: string;
}
