import { FsError } from "../../vfs/mod.ts";
import type { Attributes } from "./attributes.ts";
import type { ContentSyncs } from "./content_syncs.ts";
import { type Contents, pagesOf } from "./contents.ts";
import type { Extents } from "./extents.ts";
import type { FreeSpace } from "./free_space.ts";
import { needOfWrite } from "./needs.ts";
import type { SqliteNode } from "./node.ts";
import type { NodeTable } from "./node_table.ts";
import type { SharedContents } from "./shared_contents.ts";
import {
  addChange,
  type SharedRange,
  type SharedRanges,
} from "./shared_ranges.ts";
import type { Transaction } from "./transaction.ts";

/** Longest range that is copied so that a file may have another one. */
export const MOST_COPIED: number = 2 ** 20;

/** What {@linkcode CopyingOut} works with. */
export interface CopyingOutParts {
  readonly attributes: Attributes;
  readonly contents: Contents;
  readonly extents: Extents;
  readonly mostRanges: number;
  readonly nodes: NodeTable;
  readonly room: FreeSpace;
  readonly shared: SharedRanges;
  readonly sharing: SharedContents;
  readonly syncs: ContentSyncs;
  readonly transaction: Transaction;
}

/**
 * A file that has as many shared ranges as it may gets its own copy of the shortest,
 * before a change that would make two of one: writes all over a file leave ranges
 * of any length, and the shortest are short.
 */
export class CopyingOut {
  readonly #parts: CopyingOutParts;

  constructor(parts: CopyingOutParts) {
    this.#parts = parts;
  }

  /** What a change waits for before it may leave a range more. */
  ready(file: SqliteNode): Promise<void> | undefined {
    const { mostRanges, shared } = this.#parts;
    if (file.ranges < mostRanges) return undefined;
    const range = shared.shortest(file.fileid);
    return range && this.#copy(file, range);
  }

  async #copy(file: SqliteNode, range: SharedRange): Promise<void> {
    const { contents, nodes, shared, sharing } = this.#parts;
    const { start, length, content, at } = range;
    if (length > MOST_COPIED) {
      throw new FsError("no-space", "too many ranges of the file are shared");
    }
    const bytes = new Uint8Array(length);
    const unlocked = () => undefined;
    const isWhole = await contents.read(content, at, bytes, unlocked);
    const live = nodes.file(file);
    const [now] = shared.within(live.fileid, start, start + 1);
    // Another change was quicker.
    if (now?.start !== start || now.length !== length) return;
    if (now.content !== content || now.at !== at) return;
    if (!isWhole) sharing.assertKept(content);
    // It is copied when the change looks again.
    const { cutting } = this.#parts.extents.of(live);
    if (cutting !== undefined) return await cutting;
    this.#own(live, start, bytes);
  }

  #own(file: SqliteNode, start: number, bytes: Uint8Array): void {
    const { attributes, contents, extents, room, shared, syncs, transaction } =
      this.#parts;
    const { length } = bytes;
    const unshared = shared.growthBy(file.fileid, start, start + length);
    const how = { offset: start, length, isLogged: false, unshared };
    room.take(needOfWrite(file, how));
    transaction.assertSound();
    const extent = extents.prepare(file, file.size);
    const next = attributes.moved(file);
    contents.write(extent.number, start, bytes);
    extents.written(extent, length, { isLogged: false });
    const { used } = contents.measure(extent.number);
    next.used = Math.min(used, pagesOf(file.size)) + next.shared;
    transaction.run(() =>
      addChange(next, shared.take(file.fileid, start, start + length))
    );
    attributes.save(file, next);
    syncs.include(extent, { isFirst: true });
  }
}
