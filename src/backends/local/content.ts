import type { Awaitable } from "../../base/awaitable.ts";
import fs from "node:fs";
import type { Descriptor } from "./file_descriptors.ts";

/**
 * Up to here a call that waits for the page cache is quicker than a thread that
 * does; beyond, others would be kept waiting for too long.
 */
const MAX_SYNC = 256 * 1024;

/** Which way bytes go, and where in the file. */
export interface TransferOptions {
  /** In the file. */
  readonly offset: number;
  /** From the buffer to the file, or else from the file to the buffer. */
  readonly write: boolean;
}

/** Moves bytes between a buffer and an open file; how many is told. A write moves all of them. */
export function transfer(
  descriptor: Descriptor,
  buffer: Uint8Array,
  { offset, write }: TransferOptions,
): Awaitable<number> {
  const { fd } = descriptor;
  if (buffer.length > MAX_SYNC) {
    return descriptor.during(() => transferLater(fd, buffer, offset, write));
  }
  let done = 0;
  while (done < buffer.length) {
    const rest = buffer.length - done;
    const bytes = write
      ? fs.writeSync(fd, buffer, done, rest, offset + done)
      : fs.readSync(fd, buffer, done, rest, offset + done);
    if (bytes === 0) break;
    done += bytes;
  }
  return done;
}

type HostTransfer = (
  fd: number,
  buffer: Uint8Array,
  start: number,
  length: number,
  position: number,
  done: (error: Error | null, bytes: number) => void,
) => void;

async function transferLater(
  fd: number,
  buffer: Uint8Array,
  offset: number,
  write: boolean,
): Promise<number> {
  const call: HostTransfer = write ? fs.write : fs.read;
  let done = 0;
  while (done < buffer.length) {
    const bytes = await new Promise<number>((resolve, reject) =>
      call(
        fd,
        buffer,
        done,
        buffer.length - done,
        offset + done,
        (error, bytes) => error === null ? resolve(bytes) : reject(error),
      )
    );
    if (bytes === 0) break;
    done += bytes;
  }
  return done;
}
