import { hostError } from "../../base/host_error.ts";
import { FsError } from "../../vfs/errors.ts";
import type { ContentKind } from "../../vfs/file_system.ts";
import { ExtentCounts } from "./extent_counts.ts";
import type { HostCalls } from "./host_calls.ts";

const FALLOC_FL_KEEP_SIZE = 1;
const FALLOC_FL_PUNCH_HOLE = 2;
const WHENCE = { data: 3, hole: 4 } as const satisfies Record<
  ContentKind,
  number
>;
/** Beyond it nothing is served of a file, however large the host has it. */
const MAX_PLACE = Number.MAX_SAFE_INTEGER;

/** Room and holes of open files, which other threads see to. */
export interface HostRanges {
  /** Gives bytes room of their own; the file ends behind them at least. */
  allocate(fd: number, offset: number, length: number): Promise<void>;
  /** Gives back what bytes take, and has them read as zeros. */
  deallocate(fd: number, offset: number, length: number): Promise<void>;
  /**
   * Where the next data or hole begins; `undefined` where none comes before the end.
   * What the host can't tell is data.
   */
  seek(
    fd: number,
    offset: number,
    what: ContentKind,
  ): Promise<number | undefined>;
}

/**
 * {@linkcode HostRanges} of libc. Its lseek moves an offset that each descriptor has
 * once, whichever thread asks: nothing here reads or writes by that.
 */
export class FileRanges implements HostRanges {
  readonly #calls: HostCalls;
  readonly #extents: ExtentCounts;

  constructor(calls: HostCalls) {
    this.#calls = calls;
    this.#extents = new ExtentCounts(calls);
  }

  async allocate(fd: number, offset: number, length: number): Promise<void> {
    if (await this.#fallocate(fd, 0, { offset, length })) return;
    // Where it has no reason, it has come to an end while it was at it.
    throw this.#reason(fd, FALLOC_FL_KEEP_SIZE, { offset, length }) ??
      new FsError("no-space");
  }

  async deallocate(fd: number, offset: number, length: number): Promise<void> {
    const mode = FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE;
    if (await this.#fallocate(fd, mode, { offset, length })) return;
    throw this.#reason(fd, mode, { offset, length }) ??
      new FsError("io", "the host could not make a hole");
  }

  async seek(
    fd: number,
    offset: number,
    what: ContentKind,
  ): Promise<number | undefined> {
    const { libc } = this.#open();
    const place = Number(
      await libc.lseek_later(fd, BigInt(offset), WHENCE[what]),
    );
    if (place >= 0) return place <= MAX_PLACE ? place : undefined;
    if (what === "hole") return undefined;
    // The number of its error is the other thread's: whether there is no data any more
    // is seen by whether the host can go through all that there is. Asked once more on
    // this thread it would say so, and all clients would wait.
    this.#open();
    if (await this.#extents.areKnown(fd, offset)) return undefined;
    // What it can't tell is for a read to find out.
    return offset;
  }

  async #fallocate(
    fd: number,
    mode: number,
    { offset, length }: { readonly offset: number; readonly length: number },
  ): Promise<boolean> {
    const { libc } = this.#open();
    const range = [BigInt(offset), BigInt(length)] as const;
    return await libc.fallocate_later(fd, mode, ...range) === 0;
  }

  /**
   * Why another thread could not do this: the number of its error is that thread's.
   * The first and the last byte, which were to be so in any case, tell it again; but
   * for a lack of room, where there is enough for one.
   */
  #reason(
    fd: number,
    mode: number,
    { offset, length }: { readonly offset: number; readonly length: number },
  ): Error | undefined {
    const { libc } = this.#open();
    for (const at of [offset, offset + length - 1]) {
      if (libc.fallocate(fd, mode, BigInt(at), 1n) === 0) continue;
      return hostError(this.#calls.errno(), "fallocate");
    }
    return undefined;
  }

  /** The calls; not after a wait for them that was longer than the folder was served. */
  #open(): HostCalls {
    if (this.#calls.isClosed) throw new FsError("stale", "no longer served");
    return this.#calls;
  }
}
