import { type Steps, wait } from "../../base/awaitable.ts";
import { goingOn } from "../../base/ongoing_call.ts";
import { type ContentKind, FsError } from "../../vfs/mod.ts";
import { assertThere, type Contents } from "./contents.ts";
import type { Extents } from "./extents.ts";
import { noteGivenBack, type SqliteNode } from "./node.ts";
import type { NodeTable } from "./node_table.ts";
import { type Piece, piecesOf } from "./pieces.ts";
import { clipped, type Segment } from "./segments.ts";
import type { SharedRanges } from "./shared_ranges.ts";

/** What {@linkcode SharedContents} works with. */
export interface SharedContentsParts {
  readonly contents: Contents;
  readonly extents: Extents;
  readonly nodes: Pick<NodeTable, "live">;
  readonly shared: SharedRanges;
}

/** Looks at files that have shared ranges, whose bytes are in several contents. */
export class SharedContents {
  readonly #parts: SharedContentsParts;

  constructor(parts: SharedContentsParts) {
    this.#parts = parts;
  }

  /** Where the bytes of a file from `start` to `end` are. */
  pieces(
    { fileid, outside: own }: SqliteNode,
    start: number,
    end: number,
  ): Piece[] {
    const ranges = this.#parts.shared.within(fileid, start, end);
    return piecesOf(ranges, { start, end, own });
  }

  /**
   * Fills all of `target`, which is within the file; false where that has its bytes
   * elsewhere meanwhile.
   */
  *read(file: SqliteNode, offset: number, target: Uint8Array): Steps<boolean> {
    const { contents, nodes } = this.#parts;
    const pieces = this.pieces(file, offset, offset + target.length);
    const isGivenBack = noteGivenBack(file);
    const read = goingOn((piece: Piece) => {
      const { content, at, length } = piece;
      const from = piece.offset - offset;
      const part = target.subarray(from, from + length);
      return contents.read(content, at, part, this.#lockOf(piece));
    });
    for (const piece of pieces) {
      const isWhole = yield* wait(read(piece));
      const now = nodes.live(file);
      if (isGivenBack(now)) return false;
      if (isWhole) continue;
      if (!this.#isOf(piece, now)) return false;
      this.#assertThere(piece, now);
    }
    return true;
  }

  /** Where something begins: see `FileSystem.seek`; `undefined` where the file has its bytes elsewhere meanwhile. */
  *seek(
    file: SqliteNode,
    offset: number,
    what: ContentKind,
  ): Steps<{ readonly place: number | undefined } | undefined> {
    const { contents, nodes } = this.#parts;
    const pieces = this.pieces(file, offset, file.size);
    const isGivenBack = noteGivenBack(file);
    const seek = goingOn((piece: Piece) => {
      const { content, at } = piece;
      const sought = { offset: at, what, locked: this.#lockOf(piece) };
      return contents.seek(content, sought);
    });
    for (const piece of pieces) {
      const { at, length } = piece;
      const place = yield* wait(seek(piece));
      const now = nodes.live(file);
      if (isGivenBack(now) || !this.#isOf(piece, now)) return undefined;
      this.#assertThere(piece, now);
      if (place === undefined || place >= at + length) continue;
      return { place: piece.offset + place - at };
    }
    return { place: undefined };
  }

  /** The parts of a file that may be other than zeros, in order. */
  segments(file: SqliteNode): Segment[] {
    const known = new Map<number, readonly Segment[]>();
    return this.pieces(file, 0, file.size).flatMap((piece) => {
      const { content, at, length } = piece;
      this.#assertThere(piece, file);
      const all = known.get(content) ??
        this.#parts.contents.segments(content);
      known.set(content, all);
      return clipped(all, at + length)
        .filter((segment) => segment.offset + segment.length > at)
        .map((segment) => {
          const from = Math.max(at, segment.offset);
          return {
            offset: piece.offset + from - at,
            length: segment.offset + segment.length - from,
          };
        });
    });
  }

  /** Throws "io" where the host has lost some of a shared content. */
  assertKept(content: number): void {
    const { contents, shared } = this.#parts;
    const size = shared.sizeOf(content);
    if (size !== undefined && contents.measure(content).size >= size) return;
    throw new FsError(
      "io",
      `shared content ${content} is missing, or shorter than it was`,
    );
  }

  #assertThere({ content, isShared }: Piece, file: SqliteNode): void {
    if (isShared) this.assertKept(content);
    else assertThere(this.#parts.contents, file);
  }

  /** Whether that content still is one of the file's, or of another's: else it may be gone. */
  #isOf({ content, isShared }: Piece, { outside }: SqliteNode): boolean {
    return isShared
      ? this.#parts.shared.sizeOf(content) !== undefined
      : content === outside;
  }

  /** What is shared is not changed. */
  #lockOf({ content, isShared }: Piece): () => Promise<void> | undefined {
    const { extents } = this.#parts;
    return isShared ? () => undefined : () => extents.cuttingOf(content);
  }
}
