import fs from "node:fs";
import type { Awaitable } from "../../base/awaitable.ts";
import type { CachedReader } from "./cached_reads.ts";
import { type OngoingCall, ongoingCall } from "../../base/ongoing_call.ts";
import type { HostPace } from "./host_pace.ts";
import type { SharedPlaces } from "../../base/shared_places.ts";
import { hostThreads } from "./host_threads.ts";

/**
 * Up to here it is quicker to copy what is in the page cache than to have a
 * thread do it; beyond, others would be kept waiting for too long.
 */
export const MAX_SYNC: number = 256 * 1024;

/**
 * Until when a change of a file's size by another thread has the host keep all
 * others waiting, on the event loop as in threads; `undefined` where there is none.
 */
export type Locked = () => Promise<void> | undefined;

/** A file of the host that is open. */
export interface HostFile {
  readonly fd: number;
  /** Whether other threads read or write it. */
  readonly isTransferring: boolean;
  /** Keeps it open while `act` waits for the host. */
  during<T>(act: () => Promise<T>): Promise<T>;
  /** The same for an `act` that reads or writes: the host has others wait for it. */
  transferring<T>(act: () => Promise<T>): Promise<T>;
}

/**
 * Fills `buffer` from an open file at `offset`, what is not in the host's memory
 * by another thread, as are more than `atOnce` bytes; bytes that were read, fewer
 * at the end of the file. Throws, or rejects with, the host's errors.
 */
export function readFile(
  reader: CachedReader,
  { file, buffer, offset, atOnce, locked }: {
    readonly file: HostFile;
    readonly buffer: Uint8Array;
    readonly offset: number;
    readonly atOnce: number;
    readonly locked?: Locked;
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
  const call = ongoingCall();
  return file.transferring(async () =>
    done +
    await readLater(fd, { buffer: rest, offset: offset + done, call, locked })
  );
}

/** Writes open files. */
export interface HostWriter extends CachedReader {
  /**
   * Has another thread write the beginning of `data` at least to an open file at
   * `offset`; bytes that were written, fewer than 1 where the host has an error to
   * tell. `undefined` where there is no such thread.
   */
  readonly writeLater:
    | ((fd: number, data: Uint8Array, offset: number) => Promise<number>)
    | undefined;
}

/**
 * Writes all of `data` to an open file at `offset`: by another thread, where there
 * is one, if that may take the host long. Throws, or rejects with, the host's
 * errors.
 */
export function writeFile(
  host: HostWriter,
  { file, data, offset, pace, locked }: {
    readonly file: HostFile;
    readonly data: Uint8Array;
    readonly offset: number;
    readonly pace: HostPace;
    readonly locked: Locked;
  },
): Awaitable<void> {
  const { fd } = file;
  const { writeLater } = host;
  if (writeLater === undefined) return writeNow(fd, data, offset);
  const { length } = data;
  // The host lets one thread write to a file at a time.
  const isLong = length > MAX_SYNC || file.isTransferring ||
    host.isReadFirst(fd, offset, offset + length);
  const began = isLong ? undefined : pace.begin();
  if (began !== undefined) {
    writeNow(fd, data, offset);
    return pace.ended(began);
  }
  const call = ongoingCall();
  return file.transferring(async () => {
    for (let done = 0; done < length;) {
      const rest = data.subarray(done);
      const write = () => writeLater(fd, rest, offset + done);
      const bytes = await byThread(write, { call, locked });
      if (bytes < 1) {
        // What is wrong the host tells this thread alone, which must not wait.
        for (let end = locked(); end !== undefined; end = locked()) await end;
        return writeNow(fd, rest, offset + done);
      }
      done += bytes;
    }
  });
}

function writeNow(fd: number, data: Uint8Array, offset: number): void {
  const { length } = data;
  for (let done = 0; done < length;) {
    done += fs.writeSync(fd, data, done, length - done, offset + done);
  }
}

/**
 * Has the host read what it keeps of blocks that are not written as a whole
 * between two offsets: `undefined` where it has that. What can't be read is for
 * the write to tell.
 */
export function readFirst(
  reader: CachedReader,
  { file, start, end, locked }: {
    readonly file: HostFile;
    readonly start: number;
    readonly end: number;
    readonly locked: Locked;
  },
): Promise<void> | undefined {
  const { fd } = file;
  if (!reader.isReadFirst(fd, start, end)) return undefined;
  const call = ongoingCall();
  const read = (offset: number) =>
    readLater(fd, { buffer: new Uint8Array(1), offset, call, locked });
  return file.transferring(async () =>
    void await Promise.allSettled([read(start), read(end)])
  );
}

/** Fills `buffer` by another thread; bytes that were read, fewer at the end of the file. */
function readLater(
  fd: number,
  { buffer, offset, ...terms }: ThreadTerms & {
    readonly buffer: Uint8Array;
    readonly offset: number;
  },
): Promise<number> {
  return byThread(async () => {
    let done = 0;
    while (done < buffer.length) {
      const bytes = await new Promise<number>((resolve, reject) =>
        fs.read(
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
  }, terms);
}

/** On what terms a thread is at a file. */
interface ThreadTerms {
  readonly call: OngoingCall | undefined;
  readonly locked?: Locked | undefined;
  /** Those for what the disk has answered soon, if left out. */
  readonly threads?: SharedPlaces | undefined;
}

/** Has a thread do `act`, once it need not wait there for a change of size: others would miss it for as long. */
export async function byThread<T>(
  act: () => Promise<T>,
  { call, locked, threads = hostThreads.short }: ThreadTerms,
): Promise<T> {
  for (;;) {
    const outcome = await threads.run(
      async () => locked?.() === undefined ? { value: await act() } : undefined,
      call,
    );
    if (outcome !== undefined) return outcome.value;
    await locked?.();
  }
}
