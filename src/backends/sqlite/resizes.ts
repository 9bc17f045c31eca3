import type { Attributes } from "./attributes.ts";
import type { ContentJournal } from "./content_journal.ts";
import { type Contents, pagesOf } from "./contents.ts";
import type { Extents } from "./extents.ts";
import type { FreeSpace } from "./free_space.ts";
import { needOfMove } from "./needs.ts";
import type { MutableAttributes, SqliteNode } from "./node.ts";
import { addChange, BEYOND, type SharedRanges } from "./shared_ranges.ts";
import { INSIDE, type SmallContents } from "./small_contents.ts";

/** What {@linkcode Resizes} works with. */
export interface ResizesParts {
  readonly attributes: Attributes;
  readonly contents: Contents;
  readonly extents: Extents;
  readonly journal: ContentJournal;
  readonly room: FreeSpace;
  readonly shared: SharedRanges;
  readonly small: SmallContents;
}

/** What a new size takes: in its transaction, once that is done, and should it fail. */
export interface Resizing {
  statements?(): void;
  after?(): void;
  failed?(): void;
}

/** New sizes of files, which are given them by their attributes. */
export class Resizes {
  readonly #parts: ResizesParts;

  constructor(parts: ResizesParts) {
    this.#parts = parts;
  }

  /** Prepares another size: fills in `next`, and returns what is to be done with it. */
  prepare(file: SqliteNode, next: MutableAttributes): Resizing {
    const { size } = next;
    if (!file.outside) {
      return size <= INSIDE
        ? this.#resizeInside(file, next)
        : this.#lengthenInside(file, next);
    }
    // An empty file starts anew in the database.
    if (size === 0) return this.#empty(file, next);
    if (size < file.size) return this.#shorten(file, next);
    this.#parts.extents.prepare(file, size);
    return {};
  }

  #resizeInside(file: SqliteNode, next: MutableAttributes): Resizing {
    const { room, small } = this.#parts;
    const { size } = next;
    room.take({ growth: size - file.size, inDatabase: size, beside: 0 });
    const content = new Uint8Array(size);
    // One that has lost its content can be emptied.
    if (size > 0) content.set(small.load(file).subarray(0, size));
    next.used = size;
    return {
      statements: () => small.put(file, content),
      after: () => small.keep(file, content),
    };
  }

  /** A file in the database gets too long for it, by a hole. */
  #lengthenInside(file: SqliteNode, next: MutableAttributes): Resizing {
    const { contents, extents, room, small } = this.#parts;
    const old = small.load(file);
    room.take(needOfMove(file));
    const extent = extents.create();
    const failed = () => extents.drop(extent);
    try {
      if (old.length > 0) {
        contents.write(extent.number, 0, old);
        extents.written(extent, old.length, { isLogged: false });
      }
      next.used = contents.measure(extent.number).used;
    } catch (error) {
      failed();
      throw error;
    }
    next.outside = extent.number;
    return {
      failed,
      statements: () => small.move(file, old, extent),
      after: () => file.extent = extent,
    };
  }

  #empty(file: SqliteNode, next: MutableAttributes): Resizing {
    const { extents, journal } = this.#parts;
    const extent = extents.of(file);
    next.used = next.shared;
    next.outside = 0;
    return {
      statements: () => {
        this.#unshare(file, next);
        journal.forget(extent.number);
      },
      after: () => {
        file.extent = undefined;
        extents.remove(extent);
      },
    };
  }

  #shorten(file: SqliteNode, next: MutableAttributes): Resizing {
    const { extents, journal } = this.#parts;
    const { size } = next;
    const extent = extents.whole(file);
    // What the host says comes when it is cut.
    const used = Math.min(file.used - file.shared, pagesOf(size));
    next.used = used + next.shared;
    return {
      statements: () => {
        this.#unshare(file, next);
        journal.cut(extent.number, size);
      },
      after: () =>
        extents.cut(extent, size, () => this.#measure(file, extent.number)),
    };
  }

  /** What is behind the new end is not of the file. */
  #unshare({ fileid, ranges }: SqliteNode, next: MutableAttributes): void {
    if (ranges === 0) return;
    addChange(next, this.#parts.shared.take(fileid, next.size, BEYOND));
  }

  /** What the content takes once it is cut, if the file still has it. */
  #measure(file: SqliteNode, number: number): void {
    const { attributes, contents } = this.#parts;
    const isThere = !file.isGone && !file.isForgotten;
    if (!isThere || file.outside !== number) return;
    attributes.measured(file, contents.measure(number).used);
  }
}
