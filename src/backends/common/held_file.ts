import type { HostFile } from "./transfers.ts";

/**
 * A file of the host that is held open for the next call: given up, it is closed as
 * soon as no other thread is at it, for its number may be another file's then.
 */
export abstract class HeldFile implements HostFile {
  /** The number of the host. */
  readonly fd: number;
  #calls = 0;
  #transfers = 0;
  #isRetired = false;

  constructor(fd: number) {
    this.fd = fd;
  }

  /** Whether calls of other threads are at it. */
  get isInUse(): boolean {
    return this.#calls > 0;
  }

  /** See {@linkcode HostFile.isTransferring}. */
  get isTransferring(): boolean {
    return this.#transfers > 0;
  }

  /** See {@linkcode HostFile.during}. */
  async during<T>(act: () => Promise<T>): Promise<T> {
    this.#calls++;
    try {
      return await act();
    } finally {
      this.#calls--;
      if (this.#isRetired && !this.isInUse) this.close();
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

  /** Gives it up. */
  retire(): void {
    if (this.#isRetired) return;
    this.#isRetired = true;
    if (!this.isInUse) this.close();
  }

  /** Closes it; called once. */
  protected abstract close(): void;
}
