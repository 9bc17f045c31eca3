import type { Buffer } from "node:buffer";
import { createHash } from "node:crypto";
import type { SharedPlaces } from "../base/shared_places.ts";
import type { Caller } from "./callers.ts";
import type { ReadableFileSystem } from "./changes.ts";
import type { FileSystem, Trust } from "./file_system.ts";
import { HiddenNames } from "./hidden_names.ts";

/** Whose requests are carried out as the anonymous user. */
export type Squash = "none" | "root" | "all";

/** All that it may be. */
export const SQUASHES = [
  "none",
  "root",
  "all",
] as const satisfies readonly Squash[];

/** A file system and the place and terms under which it is served. */
export interface Export {
  /** Names the export in filehandles; stays over restarts (made of the path). Unsigned, 32 bits. */
  readonly id: number;
  /** Absolute path in the server's name space, "/" or "/a/b". */
  readonly path: string;
  /** What is served. Its methods that change something are behind `src/engine/files/changing.ts`. */
  readonly fs: ReadableFileSystem;
  /** Where it shows named attributes (RFC 8881 5.3): the export of the files and folders that bear them. */
  readonly bearers?: Export | undefined;
  /** The operations under way there, of one in which they stand in line. */
  readonly underWay?: SharedPlaces | undefined;
  /** fsid4 (RFC 8881 5.8.1.9): another one for each export, the same over restarts. 32 bits each. */
  readonly fsid: { readonly major: number; readonly minor: number };
  /** No changes, whatever the file system could do. */
  readonly readOnly: boolean;
  /** Names that are not listed, where there are any. */
  readonly hidden?: HiddenNames | undefined;
  /** What has to speak for a caller; without that the caller is anonymous. */
  readonly trust: Trust;
  /** Whose identity is replaced. */
  readonly squash: Squash;
  /** The user that callers are squashed to. */
  readonly anonymous: Caller;
}

/** A file system, where it is served, and to whom. */
export interface ExportOptions {
  /** Absolute path in the server's name space; "/" is all of it. */
  readonly path: string;
  /** What is served. */
  readonly fs: FileSystem;
  /** No changes; false if left out. */
  readonly readOnly?: boolean | undefined;
  /**
   * Names that folders are listed without, in each of which `*` stands for any part of
   * a name: `["._*", ".DS_Store"]` for what a Mac leaves beside its files. Who asks
   * for one by its name finds it; with a folder that has nothing else they are removed.
   */
  readonly hide?: readonly string[] | undefined;
  /**
   * What has to speak for the user that a caller says it is (AUTH_SYS); without
   * that the caller is anonymous.
   *
   * - "owner": the host, which knows who holds the other end of a connection
   *   from itself. A socket of root's (each kernel mount) speaks for any user,
   *   that of another user for that user alone, with the groups of /etc/passwd
   *   and /etc/group. Linux, `-A`. Callers from other hosts are believed.
   * - "port": the number of the other end's port. From those that only root may
   *   take, below 1024, callers are believed, as with `secure` in exports(5).
   * - "any": nothing. A client that can reach the port may be any user, root
   *   too.
   *
   * If left out, what the file system prefers (`FileSystem.trust`), and "port"
   * where the host can't tell owners.
   */
  readonly trust?: Trust | undefined;
  /**
   * Whose identity is replaced; if left out "none" where the server listens on
   * loopback, "root" where it listens beyond.
   */
  readonly squash?: Squash | undefined;
  /** The user that callers are squashed to; user and group 65534 if left out. */
  readonly anonymous?: {
    readonly uid?: number | undefined;
    readonly gid?: number | undefined;
  } | undefined;
}

/** User and group "nobody" of most systems. */
const NOBODY = 65_534;

/** The id of the pseudo root, which no export gets. */
export const PSEUDO_ROOT_ID = 0;

/** Makes an export; throws Error when the path is none. */
export function defineExport(options: ExportOptions): Export {
  const path = normalizePath(options.path);
  const hash = hashOf("export", path);
  const { uid = NOBODY, gid = NOBODY } = options.anonymous ?? {};
  const id = Math.max(1, hash.readUInt32BE(0));
  return {
    id,
    path,
    fs: options.fs,
    fsid: { major: id, minor: hash.readUInt32BE(4) },
    readOnly: options.readOnly ?? false,
    hidden: options.hide && new HiddenNames(options.hide),
    trust: options.trust ?? options.fs.trust ?? "any",
    squash: options.squash ?? "none",
    anonymous: { uid, gid, gids: [] },
  };
}

/**
 * Throws Error where exports can't be served together: the same path twice, one
 * inside another, or two whose ids happen to be the same.
 */
export function checkExports(exports: readonly Export[]): void {
  if (exports.length === 0) throw new Error("nothing is exported");
  exports.forEach((one, i) => {
    for (const other of exports.slice(0, i)) checkPair(other, one);
  });
}

function checkPair(one: Export, other: Export): void {
  if (one.path === other.path) {
    throw new Error(`${one.path} is exported twice`);
  }
  const [outer, inner] = one.path.length < other.path.length
    ? [one.path, other.path]
    : [other.path, one.path];
  if (inner.startsWith(outer === "/" ? "/" : `${outer}/`)) {
    throw new Error(`export ${inner} lies inside export ${outer}`);
  }
  if (one.id === other.id) throw sameId(one.path, other.path);
}

/** What is thrown where the files of two exports could not be told from each other. */
export function sameId(one: string, other: string): Error {
  return new Error(`exports ${one} and ${other} have the same id: rename one`);
}

/** Bytes that stand for a text: the same on every start, and hardly ever the same for two. */
export function hashOf(purpose: string, text: string): Buffer {
  return createHash("sha256").update(`${purpose}\0${text}`).digest();
}

function normalizePath(path: string): string {
  if (!path.startsWith("/")) {
    throw new Error(`export path "${path}" does not start with "/"`);
  }
  const names = path.split("/").filter((name) => name !== "");
  for (const name of names) {
    const length = new TextEncoder().encode(name).length;
    if (name === "." || name === ".." || name.includes("\0") || length > 255) {
      throw new Error(`export path "${path}" can't be used`);
    }
  }
  return `/${names.join("/")}`;
}
