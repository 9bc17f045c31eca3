/**
 * What is known of a file, and what of it can be set.
 *
 * @module
 */

import type { Ace } from "./acl.ts";

/** The types of a file (RFC 8881 5.8.1.2). */
export type FileType =
  | "file"
  | "directory"
  | "symlink"
  | "fifo"
  | "socket"
  | "block-device"
  | "character-device";

/** A point in time since 1970-01-01 UTC; `seconds` may be negative. */
export interface Timestamp {
  /** Whole seconds. */
  readonly seconds: number;
  /** 0 to 999,999,999. */
  readonly nanoseconds: number;
}

/** Major and minor number of a device node. */
export interface DeviceNumber {
  /** Unsigned, 32 bits. */
  readonly major: number;
  /** Unsigned, 32 bits. */
  readonly minor: number;
}

/** What `stat` tells of a node. Numbers are safe integers. */
export interface FileAttributes {
  /** The type of the file. */
  readonly type: FileType;
  /** Permission bits with setuid, setgid and sticky: 0o0000 to 0o7777. */
  readonly mode: number;
  /** Number of hard links. */
  readonly nlink: number;
  /** Owner. */
  readonly uid: number;
  /** Owning group. */
  readonly gid: number;
  /** Size in bytes; of a symlink, the length of its target. */
  readonly size: number;
  /** Bytes occupied in the store. */
  readonly used: number;
  /** Number of the file, unique within the file system. */
  readonly fileid: number;
  /** Of a device node only. */
  readonly rdev?: DeviceNumber | undefined;
  /**
   * A counter that grows with every change to content or attributes, however
   * quick: never a clock that could stand still between two changes.
   */
  readonly change: number;
  /** Last access to the content. */
  readonly atime: Timestamp;
  /** Last change of the content. */
  readonly mtime: Timestamp;
  /** Last change of content or attributes. */
  readonly ctime: Timestamp;
  /** Creation, where the file system knows: for all of its nodes, or for none. */
  readonly birthtime?: Timestamp | undefined;
}

/**
 * Which attributes of a file are asked for. The others need not be found out:
 * any value of theirs will do (0), and it is not looked at.
 */
export type WantedAttributes = Readonly<Record<keyof FileAttributes, boolean>>;

/** Attributes to set; what is absent stays. */
export interface AttributeChanges {
  /** Permission bits, 0o0000 to 0o7777. */
  mode?: number | undefined;
  /** New owner. */
  uid?: number | undefined;
  /** New group. */
  gid?: number | undefined;
  /** New size in bytes: cut, or extended by zeros. */
  size?: number | undefined;
  /** Last access; "now" is the file system's clock. */
  atime?: Timestamp | "now" | undefined;
  /** Last change of content; "now" is the file system's clock. */
  mtime?: Timestamp | "now" | undefined;
  /**
   * Creation (time_create, RFC 8881 5.8.2.40): clients that copy a file, and macOS
   * when it makes one, set it. A file system that can't keep it ignores it; it
   * is only set where {@linkcode FileAttributes.birthtime} is told.
   */
  birthtime?: Timestamp | undefined;
  /**
   * The access list, which comes with the mode that it comes down to; "mode" where
   * that says it all from now on, and there is to be none. Only where
   * {@linkcode FileSystemLimits.accessLists} says that there are any.
   */
  acl?: readonly Ace[] | "mode" | undefined;
}

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
