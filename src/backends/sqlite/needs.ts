import { mayHaveHoles, pagesOf } from "./contents.ts";
import type { SqliteNode } from "./node.ts";
import { BLOCK } from "./unsynced.ts";

/** What a change takes of the disk and of the quota, at most. */
export interface Need {
  /** Bytes more than its file has now, which the quota counts; fewer are none. */
  readonly growth: number;
  /** Bytes that get to the disk with the next commit. */
  readonly inDatabase: number;
  /** Bytes of a content beside the database. */
  readonly beside: number;
}

/** What a node and its name take at most, with what the log holds of them. */
export const NODE_BYTES = 8192;

/** What a shared range takes at most, in its table and the index of that. */
const RANGE_BYTES = 128;

/** What a file has now. */
type Sizes = Pick<SqliteNode, "size" | "used" | "shared" | "outside">;

/** Of what takes nothing. */
export const NO_NEED: Need = { growth: 0, inDatabase: 0, beside: 0 };

/**
 * Of a content that leaves the database: it goes through the journal, and has pages
 * of its own then, and an inode of the host.
 */
export function needOfMove(
  { size, used }: Pick<SqliteNode, "size" | "used">,
): Need {
  return {
    growth: pagesOf(size) - used,
    inDatabase: size,
    beside: pagesOf(size) + BLOCK,
  };
}

/** Of shared ranges that come or go, and of an empty content. */
export function needOfRanges(count: number): Omit<Need, "growth"> {
  return { inDatabase: NODE_BYTES + bytesOfRanges(count), beside: BLOCK };
}

/** What so many shared ranges take at most. */
export function bytesOfRanges(count: number): number {
  return count * RANGE_BYTES;
}

/** Of an extended attribute, which makes what there is of its node larger by `growth`. */
export function needOfXattr(length: number, growth: number): Need {
  return { growth, inDatabase: NODE_BYTES + length, beside: 0 };
}

/** Of an access list of so many bytes, which makes what there is of its node larger by `growth`. */
export function needOfList(length: number, growth: number): Need {
  return needOfXattr(length, growth);
}

/** Of a write to a content that is beside the database, or is moved there for it. */
export function needOfWrite(
  file: Sizes,
  { offset, length, isLogged, unshared }: {
    readonly offset: number;
    readonly length: number;
    readonly isLogged: boolean;
    /** Where bytes are shared: what fewer shared ones count more, or less. */
    readonly unshared: number | undefined;
  },
): Need {
  const { size, used, shared } = file;
  const ranges = unshared === undefined ? 0 : needOfRanges(2).inDatabase;
  const moved = file.outside ? NO_NEED : needOfMove(file);
  const start = offset - offset % BLOCK;
  const end = pagesOf(offset + length);
  return {
    growth: mayHaveHoles(file) || unshared !== undefined
      // Any of it may be in a hole.
      ? end - start + (unshared ?? 0)
      : offset + length > size
      ? pagesOf(size) - (used - shared) +
        Math.max(0, end - Math.max(pagesOf(size), start))
      : 0,
    inDatabase: moved.inDatabase + ranges + (isLogged ? length : 0),
    beside: moved.beside + end - start,
  };
}
