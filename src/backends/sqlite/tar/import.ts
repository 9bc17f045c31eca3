import { printable } from "../../../base/printable.ts";
import { withListAndMode } from "../../../vfs/acl_changes.ts";
import {
  type AttributeChanges,
  type CreateKind,
  type CreateOptions,
  type FileType,
  FsError,
  type FsErrorCode,
} from "../../../vfs/mod.ts";
import type { SqliteNode } from "../node.ts";
import type { SqliteFileSystem } from "../sqlite_file_system.ts";
import { BadMember } from "./decode.ts";
import { beginImport, endImport } from "./import_mark.ts";
import type {
  ArchiveOptions,
  ArchiveProgress,
  ImportOptions,
} from "./progress.ts";
import { Archive, type ArchiveMember } from "./reader.ts";

/** Members between two commits. */
const SETTLE_FILES = 1000;
/** Bytes between two commits. */
const SETTLE_BYTES = 2 ** 26;

/** What a store refuses one member for, and may take others. */
const OF_MEMBER: ReadonlySet<FsErrorCode> = new Set([
  "name-too-long",
  "too-many-links",
  "too-big",
  "xattr-too-big",
  "invalid",
]);

/**
 * Unpacks a tar archive into a store: ustar, pax, and GNU's long names and sparse
 * files. With `merge` over what is there: files replace files, folders are
 * joined. What was unpacked before an error stays, and is durable; until an import
 * of the whole is done, a check says that it is not.
 *
 * Rejects with an `Error` of one line, before anything is changed, when the stream
 * is no archive, and when the store has files and this is neither to be merged
 * nor one more try of an import that was not finished, after which no server has been there; later for a damaged archive, and with an
 * `FsError` that names the member for what the store refuses to all ("no-space",
 * "quota", "io"). One member that can't be unpacked (its path leads out by "..", or
 * through something that is no folder; its name is too long, or not UTF-8; it is
 * larger than files of the store can be) is told to `skipped`, with what it was to
 * replace left as it was, and the others are unpacked; without that, it rejects.
 */
export async function importTree(
  fs: SqliteFileSystem,
  stream: ReadableStream<Uint8Array>,
  options: ImportOptions = {},
): Promise<ArchiveProgress> {
  return await unpack(fs, await Archive.open(stream), options);
}

/** {@linkcode importTree} of an archive that was opened. */
export async function unpack(
  fs: SqliteFileSystem,
  archive: Archive,
  options: ImportOptions = {},
): Promise<ArchiveProgress> {
  const importer = new Importer(fs, options);
  const skip = skipping(options);
  try {
    const isEmpty = fs.readdir(fs.root(), 0, 1).entries.length === 0;
    beginImport({ records: fs.records, isEmpty }, options);
    await fs.settle();
    for await (const member of archive.members(skip)) {
      try {
        await importer.add(member);
      } catch (error) {
        const reason = reasonOf(error);
        if (reason === undefined) throw about(member, error);
        skip(member.path, reason);
      }
    }
    await importer.finish();
    endImport(fs.records);
  } finally {
    await archive.close();
    await fs.settle();
  }
  return importer.done;
}

/** Told to the caller; where it does not listen, it must not lose a file unheard. */
function skipping(
  { skipped }: ImportOptions,
): (path: string, reason: string) => void {
  return (path, reason) => {
    const shown = path.toWellFormed();
    if (skipped === undefined) throw new Error(`${shown}: ${reason}`);
    skipped(shown, reason);
  };
}

/** Why one member could not be unpacked; `undefined` for what is wrong with more than that. */
function reasonOf(error: unknown): string | undefined {
  if (error instanceof BadMember) return error.message;
  const isOfMember = error instanceof FsError && OF_MEMBER.has(error.code);
  return isOfMember ? error.code : undefined;
}

/** What the store refuses to all, with the member that it came to. */
function about({ path }: ArchiveMember, error: unknown): unknown {
  if (!(error instanceof FsError)) return error;
  const { code, message } = error;
  const detail = `can't import ${printable(path)}: ${message}`;
  return new FsError(code, detail, { cause: error });
}

/** What a member is made with: where it has a list, the mode is the one that this comes down to. */
function attributesOf(
  { mode, uid, gid, atime, mtime, acl }: ArchiveMember,
  type: FileType,
): CreateOptions["attributes"] {
  const changes = { acl: acl ?? "mode" as const, uid, gid, atime, mtime };
  const rights = { type, mode, uid, gid };
  const complete = withListAndMode(rights, changes, false);
  return { ...complete, mode: complete.mode ?? mode, uid, gid };
}

class Importer {
  /** How far it has come. */
  done: ArchiveProgress = { files: 0, bytes: 0 };
  readonly #fs: SqliteFileSystem;
  readonly #options: ArchiveOptions;
  /**
   * Folders get their times at the end: what is unpacked into them changes those.
   * By their identities, as there may be millions, and a node is far more.
   */
  readonly #folders = new Map<string, AttributeChanges>();
  /** The way to the folder of the last member: most others are there or near. */
  readonly #way: { readonly name: string; readonly folder: SqliteNode }[] = [];
  #unsettled = 0;

  constructor(fs: SqliteFileSystem, options: ArchiveOptions) {
    this.#fs = fs;
    this.#options = options;
  }

  /** Unpacks one member. */
  async add(member: ArchiveMember): Promise<void> {
    const names = namesOf(member.path);
    const name = names.pop();
    if (name === undefined) {
      if (member.type !== "directory") throw new BadMember("it has no name");
      this.#addFolder(this.#fs.root(), member);
    } else {
      const folder = this.#folderAt(names);
      if (member.type === "directory") {
        this.#addFolder(this.#folder(folder, name), member);
      } else await this.#replace(folder, name, member);
    }
    this.#tell(1, 0);
    const isMuch = this.#unsettled >= SETTLE_BYTES;
    if (isMuch || this.done.files % SETTLE_FILES === 0) await this.#settle();
  }

  #addFolder(folder: SqliteNode, member: ArchiveMember): void {
    const key = String.fromCharCode(...this.#fs.identify(folder));
    this.#folders.set(key, attributesOf(member, "directory"));
    this.#setXattrs(folder, member);
  }

  #setXattrs(node: SqliteNode, { xattrs }: ArchiveMember): void {
    for (const [name, value] of xattrs) {
      this.#fs.setxattr(node, name, value, "either");
      this.#unsettled += value.length;
    }
  }

  /** Gives folders their attributes. */
  async finish(): Promise<void> {
    let count = 0;
    for (const [key, attributes] of this.#folders) {
      const identity = Uint8Array.from(key, (byte) => byte.charCodeAt(0));
      this.#fs.setattr(this.#fs.resolve(identity), attributes);
      if (++count % SETTLE_FILES === 0) await this.#settle();
    }
  }

  async #replace(
    folder: SqliteNode,
    name: string,
    member: ArchiveMember,
  ): Promise<void> {
    const link = member.type === "link" ? this.#linked(member) : undefined;
    const there = this.#fs.lookup(folder, name);
    if (there !== undefined && there === link) return;
    this.#judge(member, link);
    if (there !== undefined) {
      if (there.type === "directory") {
        throw new BadMember("there is a folder of that name");
      }
      this.#fs.remove(folder, name);
    }
    if (link !== undefined) {
      this.#fs.link(link, folder, name);
      return;
    }
    const kind = kindOf(member);
    const attributes = attributesOf(member, kind.type);
    const { node } = this.#fs.create(folder, name, kind, { attributes });
    try {
      this.#setXattrs(node, member);
      if (member.size > 0) await this.#fill(node, member);
    } catch (error) {
      // A part of a file is none; what ends the import is to be found by its path.
      if (reasonOf(error) !== undefined) this.#fs.remove(folder, name);
      throw error;
    }
  }

  /** Throws for what the store would refuse, before anything makes room for it. */
  #judge({ size }: ArchiveMember, link: SqliteNode | undefined): void {
    const { maxFileSize = Infinity, maxLink = Infinity } = this.#fs.limits;
    if (size > maxFileSize) throw new FsError("too-big");
    if (link !== undefined && link.nlink >= maxLink) {
      throw new FsError("too-many-links");
    }
  }

  async #fill(
    node: SqliteNode,
    { content, size, atime, mtime }: ArchiveMember,
  ): Promise<void> {
    for await (const { offset, bytes } of content) {
      await this.#fs.write(node, offset, bytes, "unstable");
      this.#tell(0, bytes.length);
      this.#unsettled += bytes.length;
      if (this.#unsettled >= SETTLE_BYTES) {
        await this.#fs.commit(node);
        await this.#settle();
      }
    }
    // It may end with a hole.
    await this.#fs.setattr(node, { size, atime, mtime });
    await this.#fs.commit(node);
  }

  /** The file that an earlier member made. */
  #linked({ target }: ArchiveMember): SqliteNode {
    let node: SqliteNode | undefined = this.#fs.root();
    for (const name of namesOf(target)) {
      if (node?.type === "directory") node = this.#fs.lookup(node, name);
      else node = undefined;
    }
    if (node === undefined || node.type === "directory") {
      throw new BadMember(`a link to ${target}, which is no file`);
    }
    return node;
  }

  #folderAt(names: readonly string[]): SqliteNode {
    const way = this.#way;
    const fork = names.findIndex((name, level) => way[level]?.name !== name);
    way.length = fork < 0 ? names.length : fork;
    for (const name of names.slice(way.length)) {
      const parent = way.at(-1)?.folder ?? this.#fs.root();
      way.push({ name, folder: this.#folder(parent, name) });
    }
    return way.at(-1)?.folder ?? this.#fs.root();
  }

  /** The folder of that name, made if it is missing. */
  #folder(parent: SqliteNode, name: string): SqliteNode {
    const there = this.#fs.lookup(parent, name);
    if (there === undefined) {
      const attributes = { mode: 0o755, uid: parent.uid, gid: parent.gid };
      const kind = { type: "directory" } as const;
      return this.#fs.create(parent, name, kind, { attributes }).node;
    }
    // Never through a symlink: it might lead anywhere.
    if (there.type === "directory") return there;
    throw new BadMember(`${name} is no folder`);
  }

  #tell(files: number, bytes: number): void {
    this.done = {
      files: this.done.files + files,
      bytes: this.done.bytes + bytes,
    };
    this.#options.progress?.(this.done);
  }

  async #settle(): Promise<void> {
    this.#unsettled = 0;
    await this.#fs.settle();
  }
}

/** The names of a path; "." and a "/" at the start mean the root of the store. */
function namesOf(path: string): string[] {
  const names = path.split("/").filter((name) => name !== "" && name !== ".");
  if (names.some((name) => name === ".." || name.includes("\0"))) {
    throw new BadMember("a path that leads out");
  }
  return names;
}

function kindOf({ type, target, major, minor }: ArchiveMember): CreateKind {
  if (type === "symlink") return { type, target };
  if (type === "block-device" || type === "character-device") {
    return { type, rdev: { major, minor } };
  }
  if (type === "link") throw new TypeError("a link is no kind of file");
  return { type };
}
