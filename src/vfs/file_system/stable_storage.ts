import type { Awaitable } from "../../base/awaitable.ts";
import type { FsErrorCode } from "../errors.ts";

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

/** The part of a {@linkcode FileSystem} that is how safe from a crash what was changed is, and what was lost. */
export interface StableStorage {
  /** What it has done, for metrics; read at each scrape. */
  readonly stats?: FileSystemStats | undefined;

  /**
   * Keeps what the server has to remember, as durably as files. With it, and a
   * `stats.durability` other than "none", sessions survive a restart
   * (RFC 8881 2.10.6.5).
   */
  readonly records?: ServerRecords | undefined;

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

  /** Why the last of the {@linkcode losses} was one; "io" where it is left out. */
  readonly loss?: FsErrorCode | undefined;

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
}
