import { type FileType, FsError } from "../../vfs/mod.ts";

/** What tells how much a node takes. */
interface Sized {
  readonly type: FileType;
  /** Of a symlink. */
  readonly target?: string | undefined;
}

/** Bytes of memory that a node takes, with its identity, as measured. */
const NODE_COST = 720;
/** What a folder takes besides. */
const FOLDER_COST = 320;
/** What a name in a folder takes besides its characters. */
const NAME_COST = 160;
/** What an extended attribute takes besides its name and value, with what a node has for its first one. */
const XATTR_COST = 720;
/** What an access list takes, and each of its entries. */
const LIST_COST = 160;
const ACE_COST = 104;
/** What a piece of content takes besides its bytes, of V8's heap. */
const PIECE_COST = 320;
/** What it takes elsewhere, for a buffer of its own. */
const BUFFER_COST = 256;

/** What is left of the memory and nodes that a memory file system may take. */
export class Capacity {
  /** Bytes of memory in all. */
  readonly totalBytes: number;
  /** Bytes of memory still free. */
  freeBytes: number;
  readonly #files: number;
  #usedFiles = 0;
  /** Bytes that objects may take, and have taken: they live in V8's heap, whose size is fixed. */
  readonly #heap: number;
  #mostHeap = 0;
  #usedHeap = 0;

  /** Room for `bytes`, at most `heap` of them in objects, and `files` nodes. */
  constructor(
    { bytes, heap, files }: { bytes: number; heap: number; files: number },
  ) {
    this.totalBytes = this.freeBytes = bytes;
    this.#heap = heap;
    this.#files = files;
    this.share(1);
  }

  /** Takes a part of the heap that so many file systems share. */
  share(count: number): void {
    this.#mostHeap = Math.floor(this.#heap / count);
  }

  /** Nodes in all: as many as may be, and as there is memory for. */
  get totalFiles(): number {
    const bytes = Math.min(this.totalBytes, this.#mostHeap);
    const most = Math.floor(bytes / (NODE_COST + NAME_COST));
    // One at least: the root.
    return Math.min(this.#files, Math.max(1, most));
  }

  /** Nodes that can still be made, where they leave memory for it. */
  get freeFiles(): number {
    return Math.max(0, this.totalFiles - this.#usedFiles);
  }

  /** Takes bytes of content and bytes of objects; throws "no-space" and takes nothing where they don't fit. */
  take(content: number, objects: number): void {
    const bytes = content + objects;
    const freeHeap = this.#mostHeap - this.#usedHeap;
    if (bytes > this.freeBytes || objects > freeHeap) {
      throw new FsError("no-space");
    }
    this.freeBytes -= bytes;
    this.#usedHeap += objects;
  }

  /** Gives back what {@linkcode Capacity.take} took. */
  give(content: number, objects: number): void {
    this.freeBytes += content + objects;
    this.#usedHeap -= objects;
  }

  /** Takes room for bytes of content and the pieces that have them, or throws "no-space". */
  takeContent(bytes: number, pieces: number): void {
    this.take(bytes + pieces * BUFFER_COST, pieces * PIECE_COST);
  }

  /** Gives back what {@linkcode Capacity.takeContent} took. */
  giveContent(bytes: number, pieces: number): void {
    this.give(bytes + pieces * BUFFER_COST, pieces * PIECE_COST);
  }

  /** Takes room for a node and its first name, or throws "no-space". */
  takeNode(bytes: number): void {
    if (this.freeFiles === 0) throw new FsError("no-space");
    this.take(0, bytes);
    this.#usedFiles++;
  }

  /** Gives the room of a node back. */
  giveNode(node: Sized): void {
    this.give(0, costOfNode(node));
    this.#usedFiles--;
  }
}

/** Bytes that a node takes besides its content and its names. */
export function costOfNode({ type, target = "" }: Sized): number {
  return NODE_COST + (type === "directory" ? FOLDER_COST : 0) +
    costOfText(target);
}

/** Bytes that a name in a folder takes. */
export function costOfName(name: string): number {
  return NAME_COST + costOfText(name);
}

/** Bytes that an extended attribute takes besides its value. */
export function costOfXattr(name: string): number {
  return XATTR_COST + costOfText(name);
}

/** Bytes that an access list of so many entries takes. */
export function costOfAces(count: number): number {
  return LIST_COST + count * ACE_COST;
}

/** V8 keeps a text in bytes as long as all of it is Latin-1. */
function costOfText(text: string): number {
  return /^[\0-\xff]*$/.test(text) ? text.length : 2 * text.length;
}
