import { type FileSystemStatus, FsError } from "../../vfs/mod.ts";
import { bytesOfXattr, type XattrUse } from "../common/xattrs.ts";
import { type Need, NO_NEED, NODE_BYTES } from "./needs.ts";
import { weightOfList, weightOfName, weightOfXattrs } from "./weight.ts";

/** The disk is asked again after so many bytes at the latest: others use it too. */
const ASK_AGAIN = 2 ** 26;
/** What goes through the database is in its log and in itself, in pages that are not full. */
const COPIES = 3;
/** What a node takes of the disk, to tell how many more there can be. */
const FILE_BYTES = 512;

/** What a {@linkcode FreeSpace} asks. */
export interface FreeSpaceOptions {
  /** Most bytes that everything may take; Infinity without a quota. */
  readonly quota: number;
  /** Whether names, extended attributes and access lists are counted with what they lead to or are of: reading all of them takes time. */
  readonly countsNames: boolean;
  /** Bytes of the disk that can be taken, after all that is committed. */
  readonly free: () => number;
  /**
   * Commits what is open, before the disk is asked: where no reply waits for a commit,
   * what is set aside for thousands of changes would be taken for a full disk.
   */
  readonly commit: (() => void) | undefined;
}

/**
 * What a store may still take: the disk's room and the quota. SQLite finds out
 * that a disk is full at the commit, when it is too late to tell a client; so
 * nothing is accepted that might not fit.
 */
export class FreeSpace {
  /** Nodes that there are. */
  files: number;
  /** Bytes that they take, contents and all, names, extended attributes and access lists where those are counted: see `weight.ts`. */
  used: number;
  /** Most of these; Infinity without a quota. */
  readonly quota: number;
  readonly #free: () => number;
  readonly #commit: (() => void) | undefined;
  readonly #countsNames: boolean;
  /** What the open transaction has added. */
  #open = { files: 0, used: 0 };
  #budget = 0;
  /** Bytes taken since a commit, which the disk does not know of. */
  #uncommitted = 0;

  /** With so much in it. */
  constructor(
    now: { readonly files: number; readonly used: number },
    options: FreeSpaceOptions,
  ) {
    this.files = now.files;
    this.used = now.used;
    this.quota = options.quota;
    this.#free = options.free;
    this.#commit = options.commit;
    this.#countsNames = options.countsNames;
  }

  /** So many nodes more, or fewer, in the open transaction. */
  count(nodes: number): void {
    this.files += nodes;
    this.#open.files += nodes;
  }

  /** So many bytes more, or fewer; `isOpen`: in the open transaction. */
  grow(bytes: number, isOpen: boolean): void {
    this.used += bytes;
    if (isOpen) this.#open.used += bytes;
  }

  /** Bytes that a name counts for. */
  weightOfName(name: string): number {
    return this.#countsNames ? weightOfName(name) : 0;
  }

  /** Bytes that extended attributes count for. */
  weightOfXattrs(use: XattrUse): number {
    return this.#countsNames ? weightOfXattrs(use) : 0;
  }

  /** Bytes that an access list counts for whose entries are so many. */
  weightOfList(bytes: number): number {
    return this.#countsNames ? weightOfList(bytes) : 0;
  }

  /** Bytes that an extended attribute counts for. */
  weightOfXattr(name: string, value: Uint8Array): number {
    return this.weightOfXattrs({ count: 1, bytes: bytesOfXattr(name, value) });
  }

  /** {@inheritDoc Companion.committed} */
  committed(): void {
    this.#open = { files: 0, used: 0 };
    this.#uncommitted = 0;
  }

  /** {@inheritDoc Companion.undone} */
  undone(): void {
    this.files -= this.#open.files;
    this.used -= this.#open.used;
    this.committed();
    // The disk is not as it was thought to be.
    this.#budget = 0;
  }

  /** Throws "quota" or "no-space" where a node or a name of so many bytes does not fit, with its content. */
  takeNode(weight: number, content: Need = NO_NEED): void {
    this.take({
      growth: weight + content.growth,
      inDatabase: NODE_BYTES + content.inDatabase,
      beside: content.beside,
    });
  }

  /** Throws "quota" or "no-space" where what a change takes does not fit. */
  take({ growth, inDatabase, beside }: Need): void {
    if (growth > 0 && this.used + growth > this.quota) {
      throw new FsError("quota");
    }
    const committed = inDatabase * COPIES;
    const bytes = committed + beside;
    if (bytes > this.#budget) {
      this.#commit?.();
      this.#budget = Math.min(this.#freeOnDisk(), ASK_AGAIN);
      if (bytes > this.#budget) throw new FsError("no-space");
    }
    this.#budget -= bytes;
    this.#uncommitted += committed;
  }

  /** What there is of a disk of so many bytes. */
  status(total: number): FileSystemStatus {
    const { files, freeBytes } = this;
    const freeFiles = Math.floor(freeBytes / FILE_BYTES);
    return {
      totalBytes: Math.min(total, this.quota),
      freeBytes,
      availableBytes: freeBytes,
      usedBytes: this.used,
      totalFiles: files + freeFiles,
      freeFiles,
    };
  }

  /** Bytes that could still be written. */
  get freeBytes(): number {
    const free = Math.min(this.#freeOnDisk(), this.quota - this.used);
    return Math.max(0, free);
  }

  #freeOnDisk(): number {
    return this.#free() - this.#uncommitted;
  }
}
