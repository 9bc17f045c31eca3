import { byThread } from "../common/transfers.ts";
import type { FolderBatches, HostListing } from "./host.ts";
import type { LocalNode } from "./node.ts";
import type { Tree } from "./tree.ts";

/**
 * The parts of a folder that another thread reads, each when there is one for it: as
 * long as that is at one, the host may have the folder locked.
 */
export async function* laterParts(
  { locks }: Tree,
  directory: LocalNode,
  batches: FolderBatches,
): AsyncGenerator<HostListing, void> {
  if (Symbol.iterator in batches) return yield* batches;
  const parts = batches[Symbol.asyncIterator]();
  const read = () => {
    const part = parts.next();
    locks.begun([directory], part);
    return part;
  };
  const terms = { call: undefined, locked: () => locks.of(directory) };
  try {
    for (;;) {
      const { done, value } = await byThread(read, terms);
      if (done) return;
      yield value;
    }
  } finally {
    await parts.return?.();
  }
}
