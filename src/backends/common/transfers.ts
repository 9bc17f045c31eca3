import fs from "node:fs";
import type { Awaitable } from "../../base/awaitable.ts";
import type { CachedReader } from "./cached_reads.ts";

/**
 * Up to here it is quicker to copy what is in the page cache than to have a
 * thread do it; beyond, others would be kept waiting for too long.
 */
export const MAX_SYNC: number = 256 * 1024;

/** A file of the host that is open. */
export interface HostFile {
  readonly fd: number;
  /** Keeps it open while `act` waits for the host. */
  during<T>(act: () => Promise<T>): Promise<T>;
  /** The same for an `act` that reads: the host has a cut of the file wait for it. */
  reading<T>(act: () => Promise<T>): Promise<T>;
}

/**
 * Fills `buffer` from an open file at `offset`, what is not in the host's memory
 * by another thread, as are more than `atOnce` bytes; bytes that were read, fewer
 * at the end of the file. Throws, or rejects with, the host's errors.
 */
export function readFile(
  reader: CachedReader,
  { file, buffer, offset, atOnce }: {
    readonly file: HostFile;
    readonly buffer: Uint8Array;
    readonly offset: number;
    readonly atOnce: number;
  },
): Awaitable<number> {
  const { fd } = file;
  let done = 0;
  if (buffer.length <= atOnce) {
    while (done < buffer.length) {
      const rest = done === 0 ? buffer : buffer.subarray(done);
      const bytes = reader.readCached(fd, rest, offset + done);
      if (bytes === 0) return done;
      if (bytes === undefined) break;
      done += bytes;
    }
    if (done === buffer.length) return done;
  }
  const rest = buffer.subarray(done);
  return file.reading(async () =>
    done + await transferLater(fs.read, fd, rest, offset + done)
  );
}

/** Writes all of `data` to an open file at `offset`. Throws, or rejects with, the host's errors. */
export function writeFile(
  file: HostFile,
  data: Uint8Array,
  offset: number,
): Awaitable<void> {
  const { fd } = file;
  if (data.length > MAX_SYNC) {
    return file.during(async () =>
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
