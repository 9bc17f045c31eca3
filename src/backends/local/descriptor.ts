import type { HostFile } from "../common/transfers.ts";
import type { Closing } from "./closing.ts";

/** What the host lets a descriptor be used for. */
export type Access = "read" | "write" | "both";

/** An open file of the host. */
export class Descriptor implements HostFile {
  /** The number of the host. */
  readonly fd: number;
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
  #users = 0;
  #transfers = 0;
  #isRetired = false;
  readonly #closing: Closing;
  /** The one before of the same file, while other threads read or wrote by it. */
  #before: Descriptor | undefined;

  constructor(
    fd: number,
    { access, closing, before }: {
      readonly access: Access;
      readonly closing: Closing;
      readonly before: Descriptor | undefined;
    },
  ) {
    this.fd = fd;
    this.isReadable = access !== "write";
    this.isWritable = access !== "read";
    this.#closing = closing;
    if (before?.isTransferring) this.#before = before;
  }

  /** Whether other threads read or write the file: the host has others wait for them. */
  get isTransferring(): boolean {
    if (this.#transfers > 0 || this.beside?.isTransferring) return true;
    if (!this.#before?.isTransferring) this.#before = undefined;
    return this.#before !== undefined;
  }

  /** Keeps it open while `act` waits for the host. */
  async during<T>(act: () => Promise<T>): Promise<T> {
    this.#users++;
    try {
      return await act();
    } finally {
      this.#users--;
      if (this.#isRetired) this.#closeUnused();
    }
  }

  /** See {@linkcode HostFile.transferring}. */
  async transferring<T>(act: () => Promise<T>): Promise<T> {
    this.#transfers++;
    try {
      return await this.during(act);
    } finally {
      this.#transfers--;
    }
  }

  /** Closes it, and the one beside it, as soon as no call waits on it. */
  retire(): void {
    if (this.#isRetired) return;
    this.#isRetired = true;
    this.#closeUnused();
    this.beside?.retire();
  }

  #closeUnused(): void {
    if (this.#users === 0) this.#closing.close(this.fd, this.isUnsynced);
  }
}
