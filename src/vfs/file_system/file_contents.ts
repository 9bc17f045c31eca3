import type { Awaitable } from "../../base/awaitable.ts";

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

/** How an open file is going to be used. */
export interface OpenMode {
  /** For reading. */
  readonly read: boolean;
  /** For writing. */
  readonly write: boolean;
}

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

/** The part of a {@linkcode FileSystem} that is what files contain: bytes, holes and the targets of symlinks. */
export interface FileContents<Node extends object = object> {
  /** Fills `target` with content from `offset` on. Called for regular files only. */
  read(file: Node, offset: number, target: Uint8Array): Awaitable<ReadResult>;

  /** The target of a symlink, of 4096 bytes at most. */
  readlink?(symlink: Node): Awaitable<string>;

  /**
   * The file is opened by a client. A file that is removed while it is open stays
   * readable until as many `close` calls as `open` calls came, mode by mode.
   */
  open?(file: Node, mode: OpenMode): Awaitable<void>;

  /** Ends one `open` of the same mode. */
  close?(file: Node, mode: OpenMode): Awaitable<void>;

  /**
   * With this method a file that loses its last name while it is open outlives a
   * restart, too, for clients to open it anew, and they are told that it stays
   * (OPEN4_RESULT_PRESERVE_UNLINKED, RFC 8881 18.16.3): else they give it another
   * name first, until they close it.
   *
   * Called by a server when it starts. Until the result is disposed of, clients may
   * open what they had open before, and no file goes that has lost its last name; from
   * then on those that are not open do. `undefined` where nothing outlives a restart.
   * Must not wait, nor throw.
   */
  preserveUnlinked?(): Disposable | undefined;

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
}
