import type { Awaitable } from "../../base/awaitable.ts";
import fs from "node:fs";
import type { Descriptor } from "./file_descriptors.ts";
import type { Host } from "./host.ts";

/**
 * Up to here it is quicker to copy what is in the page cache than to have a
 * thread do it; beyond, others would be kept waiting for too long.
 */
const MAX_SYNC = 256 * 1024;

/** Fills `buffer` from an open file at `offset`; bytes that were read, fewer at the end of the file. */
export function read(
  host: Host,
  { descriptor, buffer, offset }: {
    readonly descriptor: Descriptor;
    readonly buffer: Uint8Array;
    readonly offset: number;
  },
): Awaitable<number> {
  const { fd } = descriptor;
  let done = 0;
  if (buffer.length <= MAX_SYNC) {
    while (done < buffer.length) {
      const rest = done === 0 ? buffer : buffer.subarray(done);
      const bytes = host.readCached(fd, rest, offset + done);
      if (bytes === 0) return done;
      if (bytes === undefined) break;
      done += bytes;
    }
    if (done === buffer.length) return done;
  }
  const rest = buffer.subarray(done);
  return descriptor.during(async () =>
    done + await transferLater(fs.read, fd, rest, offset + done)
  );
}

/** Writes all of `data` to an open file at `offset`. */
export function write(
  descriptor: Descriptor,
  data: Uint8Array,
  offset: number,
): Awaitable<void> {
  const { fd } = descriptor;
  if (data.length > MAX_SYNC) {
    return descriptor.during(async () =>
      void await transferLater(fs.write, fd, data, offset)
    );
  }
  let done = 0;
  while (done < data.length) {
    const rest = data.length - done;
    done += fs.writeSync(fd, data, done, rest, offset + done);
  }
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
  call: HostTransfer,
  fd: number,
  buffer: Uint8Array,
  offset: number,
): Promise<number> {
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
