import { printable } from "../../../base/printable.ts";
import { FsError } from "../../../vfs/mod.ts";
import type { SqliteNode } from "../node.ts";
import type { SqliteFileSystem } from "../sqlite_file_system.ts";
import { aligned, coarsened, lengthOf, type Segment } from "../segments.ts";
import { encodeEnd, encodeMember } from "./encode.ts";
import { BLOCK, type Member, paddingOf } from "./header.ts";
import type { ArchiveOptions } from "./progress.ts";
import {
  encodeMap,
  MOST_SEGMENTS,
  sparsePath,
  sparseRecords,
} from "./sparse.ts";
import type { MemberXattrs } from "./xattrs.ts";

const PIECE = 2 ** 18;
const PAGE = 256;
/** Bytes of holes from which on a file is one of those that have some. */
const LEAST_HOLES = 4096;

/**
 * The whole tree as a tar archive (POSIX pax): modes, owners, times to the
 * nanosecond, hard links, symlinks, devices, fifos, holes and extended attributes
 * (as GNU tar has them).
 * Sockets are skipped. Made as it is read; what changes meanwhile may be in it or not.
 */
export function exportTree(
  fs: SqliteFileSystem,
  options: ArchiveOptions = {},
): ReadableStream<Uint8Array> {
  return ReadableStream.from(new Exporter(fs, options).run());
}

class Exporter {
  readonly #fs: SqliteFileSystem;
  readonly #options: ArchiveOptions;
  /** The first path of each file that has several. */
  readonly #paths = new Map<number, string>();
  #files = 0;
  #bytes = 0;

  constructor(fs: SqliteFileSystem, options: ArchiveOptions) {
    this.#fs = fs;
    this.#options = options;
  }

  async *run(): AsyncGenerator<Uint8Array> {
    const root = this.#fs.root();
    yield* this.#member(root, "./");
    // No recursion: clients make folders in folders, deeper than any stack.
    const open = [{ folder: root, path: "./", names: this.#names(root) }];
    for (let at = open.at(-1); at !== undefined; at = open.at(-1)) {
      const { value: name, done } = at.names.next();
      if (done) {
        open.pop();
        continue;
      }
      const node = this.#fs.lookup(at.folder, name);
      if (node === undefined) continue;
      const isFolder = node.type === "directory";
      const path = `${at.path}${name}${isFolder ? "/" : ""}`;
      yield* this.#member(node, path);
      if (isFolder) open.push({ folder: node, path, names: this.#names(node) });
    }
    yield encodeEnd();
  }

  /** The names in a folder. */
  *#names(folder: SqliteNode): Generator<string, undefined> {
    for (let cookie = 0;;) {
      const { entries, end } = this.#fs.readdir(folder, cookie, PAGE);
      for (const entry of entries) {
        yield entry.name;
        cookie = entry.cookie;
      }
      if (end) return;
    }
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
    const first = this.#paths.get(node.fileid);
    if (first !== undefined) {
      yield encodeMember({ ...bare, type: "link", size: 0, target: first });
    } else {
      const member = { ...bare, xattrs: this.#xattrsOf(node) };
      if (type !== "directory" && node.nlink > 1) {
        this.#paths.set(node.fileid, path);
      }
      if (type !== "file") yield encodeMember(member);
      else {
        try {
          yield* this.#file(node, member);
        } catch (error) {
          if (!(error instanceof FsError)) throw error;
          const { code, message } = error;
          throw new FsError(
            code,
            `can't export ${printable(path)}: ${message}`,
          );
        }
      }
    }
    this.#files++;
    this.#tell();
  }

  #xattrsOf(node: SqliteNode): MemberXattrs {
    const names = this.#fs.listxattrs(node);
    return new Map(
      names.map((name) => [name, this.#fs.getxattr(node, name)!]),
    );
  }

  async *#file(file: SqliteNode, member: Member): AsyncGenerator<Uint8Array> {
    const { path, size } = member;
    // GNU tar begins each segment with a block of its own.
    const whole = aligned(this.#fs.segments(file), { block: BLOCK, size });
    const segments = coarsened(whole, MOST_SEGMENTS - 1);
    const length = lengthOf(segments);
    if (size - length < LEAST_HOLES) {
      yield encodeMember(member);
      return yield* this.#content(file, [{ offset: 0, length: size }]);
    }
    const map = encodeMap(segments, size);
    const stored = { path: sparsePath(path), size: map.length + length };
    yield encodeMember({ ...member, ...stored }, sparseRecords(path, size));
    yield map;
    yield* this.#content(file, segments);
  }

  /** Exactly the bytes that the header has told of, and what fills their last block. */
  async *#content(
    file: SqliteNode,
    segments: readonly Segment[],
  ): AsyncGenerator<Uint8Array> {
    for (const { offset, length } of segments) {
      for (let at = offset; at < offset + length;) {
        const piece = new Uint8Array(Math.min(PIECE, offset + length - at));
        await this.#fs.read(file, at, piece);
        at += piece.length;
        this.#bytes += piece.length;
        yield piece;
        this.#tell();
      }
    }
    const padding = paddingOf(lengthOf(segments));
    if (padding > 0) yield new Uint8Array(padding);
  }

  #tell(): void {
    this.#options.progress?.({ files: this.#files, bytes: this.#bytes });
  }
}
