import type { Awaitable } from "../../base/awaitable.ts";
import type {
  FileAttributes,
  ReadResult,
  Stability,
} from "../../vfs/file_system.ts";
import { MAX_SYNC, readFile, writeFile } from "../common/transfers.ts";
import type { LocalNode } from "./node.ts";
import type { Store } from "./store.ts";

/** See `FileSystem.read`; `stat` tells how long the file is after a wait. */
export function readContent(
  store: Store,
  file: LocalNode,
  { offset, target, stat }: {
    readonly offset: number;
    readonly target: Uint8Array;
    readonly stat: () => Awaitable<FileAttributes>;
  },
): Awaitable<ReadResult> {
  const { files, host, locks, tree } = store;
  const descriptor = files.reading(file);
  tree.checkHeld(file, descriptor);
  const { length } = target;
  if (length === 0) {
    return { bytes: 0, eof: offset >= host.statFile(descriptor.fd).size };
  }
  const bytes = readFile(host, {
    file: descriptor,
    buffer: target,
    offset,
    atOnce: MAX_SYNC,
    locked: () => locks.of(file),
  });
  if (bytes instanceof Promise) {
    return bytes.then(async (bytes) => {
      if (bytes < length) return { bytes, eof: true };
      const { size } = await stat();
      return { bytes, eof: offset + bytes >= size };
    });
  }
  const eof = bytes < length ||
    offset + bytes >= host.statFile(descriptor.fd).size;
  return { bytes, eof };
}

/** See `FileSystem.write`. */
export function writeContent(
  store: Store,
  file: LocalNode,
  { offset, data, stability }: {
    readonly offset: number;
    readonly data: Uint8Array;
    readonly stability: Stability;
  },
): Awaitable<Stability> {
  const { files, guards, host, tree, writes } = store;
  const descriptor = files.writing(file);
  tree.checkHeld(file, descriptor);
  const done = (): Awaitable<Stability> => {
    store.touched(file);
    // The descriptor may have been changed for another one while we waited.
    (file.descriptor ?? descriptor).isUnsynced = true;
    if (stability === "unstable") return stability;
    return store.flush(file, { all: stability === "file" })
      .then(() => stability);
  };
  descriptor.isUnsynced = true;
  // Also where the host writes a part and fails.
  tree.moment.end();
  const written = writeFile(host, {
    file: descriptor,
    data,
    offset,
    pace: writes,
    locked: () => store.locks.of(file),
  });
  return written instanceof Promise
    ? guards.during(file, written).then(done)
    : done();
}
