import { printable } from "../../../base/printable.ts";
import { FsError } from "../../../vfs/mod.ts";
import type { SqliteNode } from "../node.ts";
import type { SqliteFileSystem } from "../sqlite_file_system.ts";
import { aligned, coarsened, lengthOf, type Segment } from "../segments.ts";
import { encodeEnd, encodeMember } from "./encode.ts";
import { BLOCK, type Member, paddingOf } from "./header.ts";
import type { ExportOptions } from "./progress.ts";
import {
  encodeMap,
  MOST_SEGMENTS,
  sparsePath,
  sparseRecords,
} from "./sparse.ts";
import { type Ace, acesOf } from "../../../vfs/acl.ts";
import type { MemberXattrs } from "./xattrs.ts";

const PIECE = 2 ** 18;
const PAGE = 256;
/** Bytes of holes from which on a file is one of those that have some. */
const LEAST_HOLES = 4096;
const LEFT_OUT = "it is left out";

/**
 * The whole tree as a tar archive (POSIX pax): modes, owners, times to the
 * nanosecond, hard links, symlinks, devices, fifos, holes and extended attributes
 * (as GNU tar has them).
 * Sockets are skipped. Made as it is read; what changes meanwhile may be in it or not.
 * What the disk can't read ("io") is told to `lost`, and all else is in the archive;
 * without that, the stream ends with an `FsError` that names the file.
 */
export function exportTree(
  fs: SqliteFileSystem,
  options: ExportOptions = {},
): ReadableStream<Uint8Array> {
  return ReadableStream.from(new Exporter(fs, options).run());
}

/** A file with several names. */
interface Linked {
  /** The first of its paths. */
  readonly path: string;
  /** Names that did not come yet. */
  left: number;
}

class Exporter {
  readonly #fs: SqliteFileSystem;
  readonly #options: ExportOptions;
  /** Files of which further names are to come. */
  readonly #linked = new Map<number, Linked>();
  #files = 0;
  #bytes = 0;

  constructor(fs: SqliteFileSystem, options: ExportOptions) {
    this.#fs = fs;
    this.#options = options;
  }

  async *run(): AsyncGenerator<Uint8Array> {
    const root = this.#fs.root();
    yield* this.#member(root, "./");
    // No recursion: clients make folders in folders, deeper than any stack.
    const open = [{ folder: root, path: "./", names: this.#names(root, "./") }];
    const above = new Set([root.fileid]);
    for (let at = open.at(-1); at !== undefined; at = open.at(-1)) {
      const { value: name, done } = at.names.next();
      if (done) {
        open.pop();
        above.delete(at.folder.fileid);
        continue;
      }
      const node = this.#find(at.folder, name, at.path);
      if (node === undefined) continue;
      const isFolder = node.type === "directory";
      const path = `${at.path}${name}${isFolder ? "/" : ""}`;
      // Only in a damaged store, where the way down would never end.
      if (above.has(node.fileid)) {
        this.#lose(path, LEFT_OUT, new FsError("io", "it is a folder above"));
        continue;
      }
      yield* this.#member(node, path);
      if (isFolder) {
        open.push({ folder: node, path, names: this.#names(node, path) });
        above.add(node.fileid);
      }
    }
    yield encodeEnd();
  }

  /** The names in a folder. */
  *#names(folder: SqliteNode, path: string): Generator<string, undefined> {
    for (let cookie = 0;;) {
      const page = this.#tried(
        path,
        "what else is in it is left out",
        () => this.#fs.readdir(folder, cookie, PAGE),
      );
      for (const entry of page?.entries ?? []) {
        yield entry.name;
        cookie = entry.cookie;
      }
      if (page?.end ?? true) return;
    }
  }

  #find(folder: SqliteNode, name: string, at: string): SqliteNode | undefined {
    const look = () => this.#fs.lookup(folder, name);
    return this.#tried(`${at}${name}`, LEFT_OUT, look);
  }

  async *#member(node: SqliteNode, path: string): AsyncGenerator<Uint8Array> {
    const { type } = node;
    if (type === "socket") {
      this.#options.skipped?.(path, "a socket");
      return;
    }
    const bare: Member = {
      ...{ path, type, mode: node.mode, uid: node.uid, gid: node.gid },
      ...{ mtime: node.mtime, atime: node.atime, target: node.target ?? "" },
      size: type === "file" ? node.size : 0,
      major: node.rdev?.major ?? 0,
      minor: node.rdev?.minor ?? 0,
    };
    const target = this.#firstPath(node);
    if (target !== undefined) {
      yield encodeMember({ ...bare, type: "link", size: 0, target });
    } else {
      const xattrs = this.#xattrsOf(node, path);
      const member = { ...bare, xattrs, acl: this.#aclOf(node, path) };
      if (type !== "file") yield encodeMember(member);
      else {
        const pieces = this.#file(node, member);
        const first = await this.#begun(path, pieces);
        if (first === undefined) return;
        yield first;
        yield* pieces;
      }
      if (type !== "directory" && node.nlink > 1) {
        this.#linked.set(node.fileid, { path, left: node.nlink - 1 });
      }
    }
    this.#files++;
    this.#tell();
  }

  /** The path that a file has in the archive already. */
  #firstPath({ fileid }: SqliteNode): string | undefined {
    const linked = this.#linked.get(fileid);
    if (linked !== undefined && --linked.left === 0) {
      this.#linked.delete(fileid);
    }
    return linked?.path;
  }

  #xattrsOf(node: SqliteNode, path: string): MemberXattrs {
    const read = () =>
      this.#fs.listxattrs(node).map((name) =>
        [name, this.#fs.getxattr(node, name)!] as const
      );
    const what = "its extended attributes are left out";
    return new Map(this.#tried(path, what, read));
  }

  #aclOf(node: SqliteNode, path: string): readonly Ace[] | undefined {
    const read = () => acesOf(this.#fs.getattr(node));
    return this.#tried(path, "its access list is left out", read);
  }

  /** The header of a file, once its first bytes are there; `undefined` where they can't be read. */
  async #begun(
    path: string,
    pieces: AsyncGenerator<Uint8Array>,
  ): Promise<Uint8Array | undefined> {
    try {
      return (await pieces.next()).value;
    } catch (error) {
      this.#lose(path, LEFT_OUT, error);
      return undefined;
    }
  }

  async *#file(file: SqliteNode, member: Member): AsyncGenerator<Uint8Array> {
    const { path, size } = member;
    // GNU tar begins each segment with a block of its own.
    const whole = aligned(this.#fs.segments(file), { block: BLOCK, size });
    const segments = coarsened(whole, MOST_SEGMENTS - 1);
    const length = lengthOf(segments);
    const isSparse = size - length >= LEAST_HOLES;
    const parts = isSparse ? segments : [{ offset: 0, length: size }];
    const content = this.#content(file, path, parts);
    const first = await content.next();
    if (!isSparse) yield encodeMember(member);
    else {
      const map = encodeMap(segments, size);
      const stored = { path: sparsePath(path), size: map.length + length };
      yield encodeMember({ ...member, ...stored }, sparseRecords(path, size));
      yield map;
    }
    if (first.done) return;
    yield first.value;
    yield* content;
  }

  /**
   * Exactly the bytes that the header tells of, and what fills their last block.
   * Throws where the first can't be read; of those behind it, such pieces are zeros.
   */
  async *#content(
    file: SqliteNode,
    path: string,
    segments: readonly Segment[],
  ): AsyncGenerator<Uint8Array> {
    let bytes = 0;
    let isLost = false;
    for (const { offset, length } of segments) {
      for (let at = offset; at < offset + length;) {
        const piece = new Uint8Array(Math.min(PIECE, offset + length - at));
        try {
          await this.#fs.read(file, at, piece);
        } catch (error) {
          if (bytes === 0) throw error;
          if (!isLost) {
            this.#lose(path, `it has zeros from byte ${at} on`, error);
          }
          isLost = true;
          piece.fill(0);
        }
        at += piece.length;
        bytes += piece.length;
        this.#bytes += piece.length;
        yield piece;
        this.#tell();
      }
    }
    const padding = paddingOf(bytes);
    if (padding > 0) yield new Uint8Array(padding);
  }

  /** What `read` returns; `undefined` where the disk can't read, which is told with `what` becomes of it. */
  #tried<T>(path: string, what: string, read: () => T): T | undefined {
    try {
      return read();
    } catch (error) {
      this.#lose(path, what, error);
      return undefined;
    }
  }

  /** Tells of what can't be read; throws where that is not listened for, or something else is wrong. */
  #lose(path: string, what: string, error: unknown): void {
    if (!(error instanceof FsError)) throw error;
    const { code, message } = error;
    const { lost } = this.#options;
    if (code !== "io" || lost === undefined) {
      const detail = `can't export ${printable(path)}: ${message}`;
      throw new FsError(code, detail, { cause: error });
    }
    lost(path, `${what}: ${message}`);
  }

  #tell(): void {
    this.#options.progress?.({ files: this.#files, bytes: this.#bytes });
  }
}
