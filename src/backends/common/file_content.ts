import { grown, PAGE, Piece } from "./piece.ts";
import type { Capacity } from "./capacity.ts";
import { PieceTree } from "./piece_tree.ts";

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
  readonly #room: Capacity;
  /** Of page 0: a small file needs no tree. */
  #first: Piece | undefined;
  /** Of the pages from 1 on. */
  #others: PieceTree | undefined;

  /** No content yet; its memory is taken from `room`. */
  constructor(room: Capacity) {
    this.#room = room;
  }

  /** Bytes of the pieces. */
  get used(): number {
    return (this.#first?.bytes.length ?? 0) + (this.#others?.bytes ?? 0);
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
    if (!this.#isWithinPiece(offset, end)) this.#allocate(offset, end);
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
    const pieces = [...this.#others ?? []];
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

  /** Number of pieces. */
  get #pieces(): number {
    return (this.#first === undefined ? 0 : 1) + (this.#others?.size ?? 0);
  }

  #piece(index: number): Piece | undefined {
    return index === 0 ? this.#first : this.#others?.get(index);
  }

  #setPiece(index: number, piece: Piece): void {
    if (index === 0) this.#first = piece;
    else (this.#others ??= new PieceTree()).set(index, piece);
  }

  /** Whether one piece has all bytes from `offset` to `end`: then a write needs no more. */
  #isWithinPiece(offset: number, end: number): boolean {
    const index = Math.floor(offset / PAGE);
    const piece = this.#piece(index);
    if (piece === undefined) return false;
    const begin = index * PAGE;
    return piece.start <= offset - begin && end - begin <= piece.end;
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
    this.#room.takeContent(need.bytes, need.pieces);
    for (let index = Math.floor(offset / PAGE); index * PAGE < end; index++) {
      const piece = this.#piece(index);
      const { start, length } = grown(piece, within(index, span));
      if (piece?.bytes.length === length) continue;
      const larger = piece?.resized(start, length) ?? new Piece(start, length);
      this.#setPiece(index, larger);
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
    const before = { bytes: this.used, pieces: this.#pieces };
    const last = Math.floor(size / PAGE);
    this.#cutPages(this.#cutPage(last, size - last * PAGE) ? last + 1 : last);
    const pieces = before.pieces - this.#pieces;
    this.#room.giveContent(before.bytes - this.used, pieces);
  }

  /** Ends a page at `end`; returns whether there is something left of it. */
  #cutPage(index: number, end: number): boolean {
    const piece = this.#piece(index);
    if (piece === undefined || piece.start >= end) return false;
    if (piece.end <= end) return true;
    const length = end - piece.start;
    // The tail goes to zero now: those bytes must not be there when it grows.
    if (length > piece.bytes.length / 2) piece.bytes.fill(0, length);
    else this.#setPiece(index, piece.resized(piece.start, length));
    return true;
  }

  /** Takes all pages from `index` on away. */
  #cutPages(index: number): void {
    if (index === 0) this.#first = undefined;
    if (index <= 1) this.#others = undefined;
    this.#others?.cut(index);
    if (this.#others?.size === 0) this.#others = undefined;
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
