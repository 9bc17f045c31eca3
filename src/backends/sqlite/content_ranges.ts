import { type Awaitable, take } from "../../base/awaitable.ts";
import { goingOn } from "../../base/ongoing_call.ts";
import type { ContentKind } from "../../vfs/mod.ts";
import type { Attributes } from "./attributes.ts";
import type { ContentSyncs } from "./content_syncs.ts";
import { assertThere, type Contents, pagesOf } from "./contents.ts";
import type { CopyingOut } from "./copying_out.ts";
import type { Extents } from "./extents.ts";
import type { FreeSpace } from "./free_space.ts";
import { type Extent, noteGivenBack, type SqliteNode } from "./node.ts";
import type { NodeTable } from "./node_table.ts";
import { clipped, type Segment } from "./segments.ts";
import type { SharedContents } from "./shared_contents.ts";
import { addChange, type SharedRanges } from "./shared_ranges.ts";
import type { Transaction } from "./transaction.ts";
import type { Writes } from "./writes.ts";

/** What {@linkcode ContentRanges} works with. */
export interface ContentRangesParts {
  readonly attributes: Attributes;
  readonly contents: Contents;
  readonly copying: CopyingOut;
  readonly extents: Extents;
  readonly nodes: Pick<NodeTable, "file">;
  readonly room: FreeSpace;
  readonly shared: SharedRanges;
  readonly sharing: SharedContents;
  readonly syncs: ContentSyncs;
  readonly transaction: Transaction;
  readonly writes: Writes;
}

/** Where files have data and where holes, and holes that are made. */
export class ContentRanges {
  readonly #parts: ContentRangesParts;

  constructor(parts: ContentRangesParts) {
    this.#parts = parts;
  }

  /** Whether {@linkcode seek} and {@linkcode punch} can be called. */
  get areTold(): boolean {
    return this.#parts.contents.hasRanges;
  }

  /** The parts of a file that may be other than zeros, in order. */
  segments(file: SqliteNode): readonly Segment[] {
    const { outside, size } = file;
    if (outside === 0) return [{ offset: 0, length: size }];
    assertThere(this.#parts.contents, file);
    if (file.ranges > 0) return this.#parts.sharing.segments(file);
    return clipped(this.#parts.contents.segments(outside), size);
  }

  /** See `FileSystem.seek`: a file in the database is all data. */
  seek(
    file: SqliteNode,
    offset: number,
    what: ContentKind,
  ): Awaitable<number | undefined> {
    const { outside, size } = file;
    if (outside === 0) return what === "data" ? offset : undefined;
    const again = goingOn(() => this.#seekAgain(file, offset, what));
    if (file.ranges > 0) {
      const found = take(this.#parts.sharing.seek(file, offset, what));
      return found instanceof Promise
        ? found.then((found) => found === undefined ? again() : found.place)
        : found?.place;
    }
    const { contents, extents, nodes } = this.#parts;
    assertThere(contents, file);
    const locked = () => extents.cuttingOf(outside);
    const place = contents.seek(outside, { offset, what, locked });
    // What a cut is still to take away is not of the file.
    const within = (place: number | undefined) =>
      place === undefined || place >= size ? undefined : place;
    if (!(place instanceof Promise)) return within(place);
    const isGivenBack = noteGivenBack(file);
    return place.then((place) =>
      isGivenBack(nodes.file(file)) ? again() : within(place)
    );
  }

  /** The same of what the file is by now. */
  #seekAgain(
    file: SqliteNode,
    offset: number,
    what: ContentKind,
  ): Awaitable<number | undefined> {
    const now = this.#parts.nodes.file(file);
    return offset < now.size ? this.seek(now, offset, what) : undefined;
  }

  /** What {@linkcode punch} waits for before it is made, if anything. */
  readyToPunch(file: SqliteNode): Promise<void> | undefined {
    const { copying, extents } = this.#parts;
    const whole = { size: file.size, isDurable: true, isMeasured: true };
    return extents.ready(file, whole) ?? copying.ready(file);
  }

  /**
   * Has bytes read as zeros, which is durable with the next commit: as a write of
   * zeros, that may be there also where the commit is not. `now` is the file when
   * the host has made the hole.
   */
  punch(
    file: SqliteNode,
    { offset, end, now }: {
      readonly offset: number;
      readonly end: number;
      readonly now: () => SqliteNode;
    },
  ): Awaitable<void> {
    const { contents, extents, room, transaction, writes } = this.#parts;
    transaction.assertSound();
    const until = Math.min(end, file.size);
    const from = Math.min(offset, until);
    if (!file.outside) {
      room.take({ growth: 0, inDatabase: file.size, beside: 0 });
      return writes.inside(file, from, new Uint8Array(until - from));
    }
    const extent = extents.whole(file);
    const range = { extent, from, until };
    if (from === until) return this.#punched(file, range);
    const punched = contents.punch(extent.number, from, until);
    if (!(punched instanceof Promise)) return this.#punched(file, range);
    const done = punched.then(() => this.#punched(now(), range));
    return extents.during(extent, done);
  }

  #punched(
    file: SqliteNode,
    { extent, from, until }: {
      readonly extent: Extent;
      readonly from: number;
      readonly until: number;
    },
  ): void {
    const { attributes, contents, extents, shared, syncs, transaction } =
      this.#parts;
    const next = attributes.written(file, file.size);
    const { used } = contents.measure(extent.number);
    next.used = Math.min(used, pagesOf(file.size)) + next.shared;
    // No bytes, but what a sync has to bring to disk all the same.
    extents.written(extent, 0, { isLogged: false });
    const isShared = file.ranges > 0;
    const unshare = () =>
      addChange(next, shared.take(file.fileid, from, until));
    transaction.run(isShared ? unshare : undefined);
    attributes.save(file, next);
    file.extent = extent;
    // It is not to show what a lost write has left below the shared bytes.
    syncs.include(extent, { isFirst: isShared });
  }
}
