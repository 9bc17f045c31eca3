import fs from "node:fs";
import { hostError } from "../../base/host_error.ts";
import { FsError } from "../../vfs/errors.ts";
import type { CloneRange } from "../../vfs/file_system.ts";
import { Addresses } from "../common/addresses.ts";
import type { HostCalls } from "../common/host_calls.ts";
import { O_TMPFILE } from "./largest_file.ts";

/** Has one file share the blocks of another. */
const FICLONERANGE = 0x4020940dn;
/** What a host's file system may have for a block, in bytes. */
const BLOCKS = [4096, 8192, 16_384, 32_768, 65_536] as const;

/** Files that share blocks, as far as the host's file system has that. */
export interface HostClones {
  /** Bytes of a block. */
  readonly block: number;
  /** Has a range of an open file share the blocks of another one's, by another thread. */
  share(source: number, target: number, range: CloneRange): Promise<void>;
}

/** {@linkcode HostClones} of libc. */
export class CloneCalls implements HostClones {
  readonly block: number;
  readonly #calls: HostCalls;
  readonly #addresses = new Addresses();

  private constructor(calls: HostCalls, block: number) {
    this.#calls = calls;
    this.block = block;
  }

  /**
   * Those of the file system that a folder is in: tried out on files without a name,
   * of which none takes room. `undefined` where it has none, or that can't be tried.
   */
  static in(calls: HostCalls, path: string): CloneCalls | undefined {
    using open = new DisposableStack();
    const fds: number[] = [];
    try {
      for (let i = 0; i < 2; i++) {
        const fd = fs.openSync(path, O_TMPFILE | fs.constants.O_RDWR, 0o600);
        open.defer(() => fs.closeSync(fd));
        fds.push(fd);
      }
      // Longer than what is shared of it: at the end of a file any length is.
      fs.ftruncateSync(fds[0]!, 4 * BLOCKS.at(-1)!);
    } catch {
      return undefined;
    }
    const block = BLOCKS.find((block) => {
      const range = { sourceOffset: block, targetOffset: block, length: block };
      const request = packed(fds[0]!, range);
      return calls.libc.ioctl(fds[1]!, FICLONERANGE, request) === 0;
    });
    return block && new CloneCalls(calls, block);
  }

  async share(
    source: number,
    target: number,
    range: CloneRange,
  ): Promise<void> {
    const request = packed(source, range);
    const address = BigInt(this.#addresses.of(new Uint8Array(request.buffer)));
    const { libc } = this.#open();
    if (await libc.ioctl_later(target, FICLONERANGE, address) === 0) return;
    throw this.#reason(request, target);
  }

  /**
   * Why another thread could not do this: the number of its error is that thread's.
   * Whatever is so of the two files alone is told again where nothing is to be shared,
   * from the end of the source on; what is left is as a rule a lack of room.
   */
  #reason(request: BigInt64Array<ArrayBuffer>, target: number): Error {
    const { libc, errno } = this.#open();
    const { size } = fs.fstatSync(Number(request[0]));
    const nothing = packed(Number(request[0]), {
      sourceOffset: size,
      targetOffset: 0,
      length: 0,
    });
    if (libc.ioctl(target, FICLONERANGE, nothing) === 0) {
      return new FsError("no-space");
    }
    return hostError(errno(), "ioctl");
  }

  /** The calls; not after a wait for them that was longer than the folder was served. */
  #open(): HostCalls {
    if (this.#calls.isClosed) throw new FsError("stale", "no longer served");
    return this.#calls;
  }
}

/** `struct file_clone_range`. */
function packed(
  source: number,
  { sourceOffset, targetOffset, length }: CloneRange,
): BigInt64Array<ArrayBuffer> {
  const words = [source, sourceOffset, length, targetOffset];
  return new BigInt64Array(words.map(BigInt));
}
