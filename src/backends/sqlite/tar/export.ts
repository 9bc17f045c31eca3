import type { SqliteNode } from "../node.ts";
import type { SqliteFileSystem } from "../sqlite_file_system.ts";
import { encodeEnd, encodeMember } from "./encode.ts";
import { type Member, paddingOf } from "./header.ts";
import type { ArchiveOptions } from "./progress.ts";

const PIECE = 2 ** 18;
const PAGE = 256;

/**
 * The whole tree as a tar archive (POSIX pax): modes, owners, times to the
 * nanosecond, hard links, symlinks, devices, fifos. Holes become zeros, and
 * sockets are skipped. Made as it is read; what changes meanwhile may be in it or not.
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
      for (const { name } of entries) yield name;
      if (end) return;
      cookie = entries[entries.length - 1].cookie;
    }
  }

  async *#member(node: SqliteNode, path: string): AsyncGenerator<Uint8Array> {
    const { type } = node;
    if (type === "socket") {
      this.#options.skipped?.(path, "a socket");
      return;
    }
    const member: Member = {
      ...{ path, type, mode: node.mode, uid: node.uid, gid: node.gid },
      ...{ mtime: node.mtime, atime: node.atime, target: node.target ?? "" },
      size: type === "file" ? node.size : 0,
      major: node.rdev?.major ?? 0,
      minor: node.rdev?.minor ?? 0,
    };
    const first = this.#paths.get(node.fileid);
    if (first !== undefined) {
      yield encodeMember({ ...member, type: "link", size: 0, target: first });
    } else {
      if (type !== "directory" && node.nlink > 1) {
        this.#paths.set(node.fileid, path);
      }
      yield encodeMember(member);
      if (type === "file") yield* this.#content(node, member.size);
    }
    this.#files++;
    this.#tell();
  }

  /** Exactly `size` bytes, which is what the header has said. */
  async *#content(file: SqliteNode, size: number): AsyncGenerator<Uint8Array> {
    for (let at = 0; at < size;) {
      const piece = new Uint8Array(Math.min(PIECE, size - at));
      this.#fs.read(file, at, piece);
      at += piece.length;
      this.#bytes += piece.length;
      yield piece;
      this.#tell();
    }
    const padding = paddingOf(size);
    if (padding > 0) yield new Uint8Array(padding);
  }

  #tell(): void {
    this.#options.progress?.({ files: this.#files, bytes: this.#bytes });
  }
}
