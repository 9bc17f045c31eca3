/**
 * The seam between the server and what it serves. What implements
 * {@linkcode FileSystem} can be mounted by a client.
 *
 * @module
 */

import type { Awaitable } from "../base/awaitable.ts";
import type { Trust } from "../rpc/auth.ts";
import type { DirectoryTree } from "./file_system/directory_tree.ts";
import type { ExtendedAttributes } from "./file_system/extended_attributes.ts";
import type { FileContents } from "./file_system/file_contents.ts";
import type { NodeAttributes } from "./file_system/node_attributes.ts";
import type { OutsideChanges } from "./file_system/outside_changes.ts";
import type { StableStorage } from "./file_system/stable_storage.ts";

export type { Trust } from "../rpc/auth.ts";
export type * from "./attributes.ts";
export type * from "./file_system/directory_tree.ts";
export type * from "./file_system/extended_attributes.ts";
export type * from "./file_system/file_contents.ts";
export type * from "./file_system/node_attributes.ts";
export type * from "./file_system/outside_changes.ts";
export type * from "./file_system/stable_storage.ts";

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
  /**
   * Whether clients may set access lists (ACL, RFC 8881 6): `setattr` and `create` are
   * told of them. How attributes tell of them is not for others yet: leave it out.
   */
  readonly accessLists?: boolean | undefined;
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
export interface FileSystem<Node extends object = object>
  extends
    DirectoryTree<Node>,
    FileContents<Node>,
    NodeAttributes<Node>,
    ExtendedAttributes<Node>,
    StableStorage,
    OutsideChanges<Node> {
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

  /** Room left. */
  status?(): Awaitable<FileSystemStatus>;

  /** The server is done with the file system. */
  dispose?(): Awaitable<void>;
}
