import { FsError } from "../../vfs/mod.ts";

/** What is left of the bytes and nodes that a memory file system may hold. */
export class Room {
  /** Bytes of content in all. */
  readonly totalBytes: number;
  /** Nodes in all. */
  readonly totalFiles: number;
  /** Bytes of content still free. */
  freeBytes: number;
  /** Nodes that can still be made. */
  freeFiles: number;

  /** Room for `bytes` of content in `files` nodes. */
  constructor(bytes: number, files: number) {
    this.totalBytes = this.freeBytes = bytes;
    this.totalFiles = this.freeFiles = files;
  }

  /** Takes `bytes`; throws "no-space" and takes nothing where they don't fit. */
  takeBytes(bytes: number): void {
    if (bytes > this.freeBytes) throw new FsError("no-space");
    this.freeBytes -= bytes;
  }

  /** Takes room for a node, or throws "no-space". */
  takeFile(): void {
    if (this.freeFiles === 0) throw new FsError("no-space");
    this.freeFiles--;
  }
}
