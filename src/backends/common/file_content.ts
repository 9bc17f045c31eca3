import { grown, PAGE, Piece } from "./piece.ts";
import { type Capacity, PIECE_COST } from "./capacity.ts";

/**
 * The bytes of a file, in pages of 64 KiB, of which there is one {@linkcode Piece}
 * each. A page that was never written is a hole: it reads as zeros and takes no
 * memory.
 *
 * What lies in a page beyond the size of the file is always zero: growing a
 * file is then a matter of its size alone.
 */
export class FileContent {
  /** Bytes from the start to the end, holes included. */
  size = 0;
  /** Bytes of the pieces. */
  used = 0;
  readonly #room: Capacity;
  /** Of page 0: a small file needs no Map. */
  #first: Piece | undefined;
  /** Of the pages from 1 on, by number. */
  #others: Map<number, Piece> | undefined;

  /** No content yet; its memory is taken from `room`. */
  constructor(room: Capacity) {
    this.#room = room;
  }

  /** Fills `target` from `offset` on and returns how many bytes that were. */
  read(offset: number, target: Uint8Array): number {
    const end = Math.min(this.size, offset + target.length);
    if (end <= offset) return 0;
    for (let at = offset; at < end;) {
      const index = Math.floor(at / PAGE);
      const start = at - index * PAGE;
      const count = Math.min(PAGE - start, end - at);
      const into = target.subarray(at - offset, at - offset + count);
      const piece = this.#piece(index);
      if (piece === undefined) into.fill(0);
      else piece.read(start, into);
      at += count;
    }
    return end - offset;
  }

  /** Writes `data` at `offset`: all of it, or nothing and "no-space" is thrown. */
  write(offset: number, data: Uint8Array): void {
    const end = offset + data.length;
    if (end === offset) return;
    this.#allocate(offset, end);
    for (let at = offset; at < end;) {
      const index = Math.floor(at / PAGE);
      const start = at - index * PAGE;
      const count = Math.min(PAGE - start, end - at);
      const piece = this.#piece(index)!;
      const from = at - offset;
      // A view of all the data would be one more object for every small write.
      piece.bytes.set(
        count === data.length ? data : data.subarray(from, from + count),
        start - piece.start,
      );
      at += count;
    }
    if (end > this.size) this.size = end;
  }

  /** Cuts the content to `size`, or lengthens it by a hole. */
  resize(size: number): void {
    if (size < this.size) this.#cut(size);
    this.size = size;
  }

  /** Where there are bytes, in order; what is between is a hole. */
  segments(): { readonly offset: number; readonly length: number }[] {
    const pieces = [...this.#others ?? []].sort(([a], [b]) => a - b);
    if (this.#first !== undefined) pieces.unshift([0, this.#first]);
    return pieces.map(([index, { start, bytes }]) => ({
      offset: index * PAGE + start,
      length: bytes.length,
    }));
  }

  /** Gives all memory back. */
  release(): void {
    this.#cut(0);
    this.size = 0;
  }

  #piece(index: number): Piece | undefined {
    return index === 0 ? this.#first : this.#others?.get(index);
  }

  /** Makes pieces for all bytes from `offset` to `end`, or none and throws. */
  #allocate(offset: number, end: number): void {
    const span = { offset, end, generous: true };
    let need = this.#missing(span);
    if (need.bytes === 0) return;
    if (need.bytes > this.#room.freeBytes) {
      span.generous = false;
      need = this.#missing(span);
    }
    this.#room.take(need.bytes, need.pieces * PIECE_COST);
    this.used += need.bytes;
    for (let index = Math.floor(offset / PAGE); index * PAGE < end; index++) {
      const piece = this.#piece(index);
      const { start, length } = grown(piece, within(index, span));
      if (piece?.bytes.length === length) continue;
      const larger = piece?.resized(start, length) ?? new Piece(start, length);
      if (index === 0) this.#first = larger;
      else (this.#others ??= new Map()).set(index, larger);
    }
  }

  /** Bytes, and pieces, that a write needs beyond those that there are. */
  #missing(span: WriteSpan): { bytes: number; pieces: number } {
    let bytes = 0;
    let pieces = 0;
    const { offset, end } = span;
    for (let index = Math.floor(offset / PAGE); index * PAGE < end; index++) {
      const piece = this.#piece(index);
      if (piece === undefined) pieces++;
      bytes += grown(piece, within(index, span)).length -
        (piece?.bytes.length ?? 0);
    }
    return { bytes, pieces };
  }

  #cut(size: number): void {
    const keep = Math.ceil(size / PAGE);
    if (this.#first !== undefined) {
      this.#first = this.#cutPiece(this.#first, size);
    }
    if (this.#others === undefined) return;
    for (const [index, piece] of this.#others) {
      // Pages come in any order, and those that stay whole are passed over.
      if (index < keep - 1) continue;
      const rest = this.#cutPiece(piece, size - index * PAGE);
      if (rest === undefined) this.#others.delete(index);
      else if (rest !== piece) this.#others.set(index, rest);
    }
    if (this.#others.size === 0) this.#others = undefined;
  }

  /** What is left of a piece when its page ends at `end`. */
  #cutPiece(piece: Piece, end: number): Piece | undefined {
    if (end >= piece.end) return piece;
    const length = Math.max(0, end - piece.start);
    const before = piece.bytes.length;
    // The tail goes to zero now: those bytes must not be there when it grows.
    if (length > before / 2) {
      piece.bytes.fill(0, length);
      return piece;
    }
    this.used -= before - length;
    this.#room.give(before - length, length === 0 ? PIECE_COST : 0);
    return length === 0 ? undefined : piece.resized(piece.start, length);
  }
}

/** Where a write goes. */
interface WriteSpan {
  readonly offset: number;
  readonly end: number;
  readonly generous: boolean;
}

/** The part of it that is in a page. */
function within(index: number, { offset, end, generous }: WriteSpan) {
  const from = Math.max(0, offset - index * PAGE);
  const to = Math.min(PAGE, end - index * PAGE);
  return { from, to, generous };
}
