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
/** What a piece of content takes besides its bytes. */
export const PIECE_COST = 320;

/** What is left of the memory and nodes that a memory file system may take. */
export class Capacity {
  /** Bytes of memory in all. */
  readonly totalBytes: number;
  /** Nodes in all: as many as may be, and as there is memory for. */
  readonly totalFiles: number;
  /** Bytes of memory still free. */
  freeBytes: number;
  /** Nodes that can still be made, where they leave memory for it. */
  freeFiles: number;
  /** Of these, what is left for objects: they live in V8's heap, whose size is fixed. */
  #freeHeap: number;

  /** Room for `bytes`, at most `heap` of them in objects, and `files` nodes. */
  constructor(
    { bytes, heap, files }: { bytes: number; heap: number; files: number },
  ) {
    this.totalBytes = this.freeBytes = bytes;
    this.#freeHeap = heap;
    const most = Math.floor(Math.min(bytes, heap) / (NODE_COST + NAME_COST));
    // One at least: the root.
    this.totalFiles = this.freeFiles = Math.min(files, Math.max(1, most));
  }

  /** Takes bytes of content and bytes of objects; throws "no-space" and takes nothing where they don't fit. */
  take(content: number, objects: number): void {
    const bytes = content + objects;
    if (bytes > this.freeBytes || objects > this.#freeHeap) {
      throw new FsError("no-space");
    }
    this.freeBytes -= bytes;
    this.#freeHeap -= objects;
  }

  /** Gives back what {@linkcode Capacity.take} took. */
  give(content: number, objects: number): void {
    this.freeBytes += content + objects;
    this.#freeHeap += objects;
  }

  /** Takes room for a node and its first name, or throws "no-space". */
  takeNode(bytes: number): void {
    if (this.freeFiles === 0) throw new FsError("no-space");
    this.take(0, bytes);
    this.freeFiles--;
  }

  /** Gives the room of a node back. */
  giveNode(node: Sized): void {
    this.give(0, costOfNode(node));
    this.freeFiles++;
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

/** V8 keeps a text in bytes as long as all of it is Latin-1. */
function costOfText(text: string): number {
  return /^[\0-\xff]*$/.test(text) ? text.length : 2 * text.length;
}
