import { Addresses } from "./addresses.ts";
import type { HostCalls } from "./host_calls.ts";

/**
 * Writes of another thread, by libc: those of node:fs are made on the event loop,
 * also where they call back (Deno 2.9).
 */
export class LaterWrites {
  readonly #calls: HostCalls;
  readonly #addresses = new Addresses();

  constructor(calls: HostCalls) {
    this.#calls = calls;
  }

  /** See `HostWriter.writeLater`. */
  async write(fd: number, data: Uint8Array, offset: number): Promise<number> {
    const { libc, isClosed } = this.#calls;
    // It has stood in line for longer than it was waited for.
    if (isClosed) return -1;
    const address = BigInt(this.#addresses.of(data));
    const length = BigInt(data.length);
    const bytes = await libc.pwrite(fd, address, length, BigInt(offset));
    // It is used until here, or it could be collected.
    return Math.min(Number(bytes), data.length);
  }
}
