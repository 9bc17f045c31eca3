import type { Capacity } from "./capacity.ts";
import { PAGE } from "./piece.ts";

/** Bytes, and pieces that have them. */
export interface Need {
  readonly bytes: number;
  readonly pieces: number;
}

/** What is to be allocated, and how. */
interface Span {
  readonly offset: number;
  readonly end: number;
  /** What is missing as it begins. */
  readonly need: Need;
  /** What is missing of a part of it. */
  missing(offset: number, end: number): Need;
  /** Makes the pieces of a part of it, for which there is room. */
  make(offset: number, end: number): void;
}

/**
 * Pieces for a range of a content, made a page at a time, so that others have
 * their turns in between; the room for all of them is taken before the first.
 * Disposed of, it gives back the room that it did not need.
 */
export class Allocation {
  readonly #room: Capacity;
  readonly #span: Span;
  /** Room that was taken, and has no piece yet. */
  #bytes: number;
  #pieces: number;
  #at: number;

  /** Throws "no-space" where there is no room for all of it. */
  constructor(room: Capacity, span: Span) {
    const { offset, need: { bytes, pieces } } = span;
    room.takeContent(bytes, pieces);
    this.#room = room;
    this.#span = span;
    this.#bytes = bytes;
    this.#pieces = pieces;
    this.#at = offset;
  }

  /** Makes the next piece; false where all are there. */
  step(): boolean {
    const { end } = this.#span;
    if (this.#at >= end) return false;
    const next = Math.min(end, (Math.floor(this.#at / PAGE) + 1) * PAGE);
    this.#pay(this.#span.missing(this.#at, next));
    this.#span.make(this.#at, next);
    this.#at = next;
    return next < end;
  }

  [Symbol.dispose](): void {
    this.#room.giveContent(this.#bytes, this.#pieces);
    this.#bytes = this.#pieces = 0;
  }

  /** The file may have been cut or written meanwhile: what is missing now may be more, or less. */
  #pay({ bytes, pieces }: Need): void {
    const paid = {
      bytes: Math.min(bytes, this.#bytes),
      pieces: Math.min(pieces, this.#pieces),
    };
    this.#room.takeContent(bytes - paid.bytes, pieces - paid.pieces);
    this.#bytes -= paid.bytes;
    this.#pieces -= paid.pieces;
  }
}
