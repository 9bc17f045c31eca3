import type { Caller, FileSystem } from "./file_system.ts";

/** Whose requests are carried out as the anonymous user. */
export type Squash = "none" | "root" | "all";

/** A file system and the place and terms under which it is served. */
export interface Export {
  /** Names the export in filehandles; stays over restarts (made of the path). Unsigned, 32 bits. */
  readonly id: number;
  /** Absolute path in the server's name space, "/" or "/a/b". */
  readonly path: string;
  /** What is served. */
  readonly fs: FileSystem;
  /** No changes, whatever the file system could do. */
  readonly readOnly: boolean;
  /** Whose identity is replaced. */
  readonly squash: Squash;
  /** Who callers are squashed to. */
  readonly anonymous: Caller;
}
