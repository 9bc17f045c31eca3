import { askedBy, type Asker } from "../../base/asker.ts";
import { HeldFile } from "../common/held_file.ts";
import type { Closing } from "./closing.ts";

/** What the host lets a descriptor be used for. */
export type Access = "read" | "write" | "both";

/** The file of some descriptors, as far as these could write. */
export interface WrittenFile {
  /** How many of them are given up, and not closed yet. */
  closing: number;
  /** How many of them were closed. */
  closed: number;
}

/** An open file of the host. */
export class Descriptor extends HeldFile {
  /** Whether it can be read through. */
  readonly isReadable: boolean;
  /** Whether it can be written through. */
  readonly isWritable: boolean;
  /** One of the same file that can do the other, where the host gives both only apart. */
  beside: Descriptor | undefined;
  /** When the file was last seen to be still in the tree, in milliseconds. */
  checkedAt = -Infinity;
  /** Written to, and not made durable since. */
  isUnsynced = false;
  /** Who had it opened. */
  readonly opener: Asker = askedBy();
  readonly #closing: Closing;
  readonly #file: WrittenFile;
  /** The one before of the same file, while other threads read or wrote by it. */
  #before: Descriptor | undefined;

  constructor(
    fd: number,
    { file, access, closing, before }: {
      readonly file: WrittenFile;
      readonly access: Access;
      readonly closing: Closing;
      readonly before: Descriptor | undefined;
    },
  ) {
    super(fd);
    this.isReadable = access !== "write";
    this.isWritable = access !== "read";
    this.#closing = closing;
    this.#file = file;
    if (before?.isTransferring) this.#before = before;
  }

  /** Whether other threads read or write the file, by whichever descriptor: the host has others wait for them. */
  override get isTransferring(): boolean {
    if (super.isTransferring || this.beside?.isTransferring) return true;
    if (!this.#before?.isTransferring) this.#before = undefined;
    return this.#before !== undefined;
  }

  /** Gives it up, and the one beside it. */
  override retire(): void {
    super.retire();
    this.beside?.retire();
  }

  protected override close(): void {
    const isWritten = this.isWritable || this.isUnsynced;
    const writer = isWritten ? this.opener : undefined;
    const closed = this.#closing.close(this.fd, writer);
    if (!this.isWritable) return;
    const file = this.#file;
    file.closing++;
    const end = () => {
      file.closing--;
      file.closed++;
    };
    if (closed === undefined) end();
    else closed.then(end, end);
  }
}
