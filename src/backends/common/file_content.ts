import { type CloneRange, type ContentKind, FsError } from "../../vfs/mod.ts";
import { Allocation, type Need } from "./allocation.ts";
import { grown, PAGE, Piece, ZEROS } from "./piece.ts";
import type { Capacity } from "./capacity.ts";
import { PieceTree } from "./piece_tree.ts";

/** Pieces that are shared at a time: some milliseconds, in which no other request is served. */
export const MOST_SHARED = 4_096;

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
      const piece = this.#ownPiece(index)!;
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

  /**
   * Where the next byte of a piece is, or the next that is of none, from `offset` on,
   * which is before the end: that is a hole. `undefined` where no data is left.
   */
  seek(offset: number, what: ContentKind): number | undefined {
    if (what === "hole") return Math.min(this.size, this.#nextHole(offset));
    const at = this.#nextData(offset);
    return at < this.size ? at : undefined;
  }

  /** Takes away the bytes from `offset` to `end`, which read as zeros then; the size stays. */
  punch(offset: number, end: number): void {
    // Behind the end of the file all is zero already.
    const until = end < this.size ? end : Infinity;
    const first = Math.floor(offset / PAGE);
    const last = Math.floor(until / PAGE);
    this.#giving(() => {
      const from = offset - first * PAGE;
      if (first === last) {
        this.#punchPage(first, from, until - last * PAGE);
      } else {
        this.#punchPage(first, from, PAGE);
        this.#removePages(first + 1, last);
        if (until < Infinity) this.#punchPage(last, 0, until - last * PAGE);
      }
    });
  }

  /**
   * Pieces for all bytes from `offset` to `end`: the room for what is missing is
   * taken now, or "no-space" is thrown. The size stays as it is.
   */
  allocation(offset: number, end: number): Allocation {
    // No piece is looked at for more than there can be.
    if (end - offset - this.used > this.#room.freeBytes) {
      throw new FsError("no-space");
    }
    return new Allocation(this.#room, {
      offset,
      end,
      need: this.#missingInAll(offset, end),
      missing: (offset, end) => this.#missing({ offset, end, generous: false }),
      make: (offset, end) => this.#makeZeros(offset, end),
    });
  }

  /**
   * Makes what is missing of a page to be allocated. A whole one takes its room, and no
   * memory before it is written to: to make gigabytes of zeros is no short request.
   */
  #makeZeros(offset: number, end: number): void {
    const index = Math.floor(offset / PAGE);
    const isMissing = this.#piece(index) === undefined;
    if (isMissing && end - offset === PAGE) this.#setPiece(index, ZEROS);
    else this.#make({ offset, end, generous: false });
  }

  /**
   * Has the pages of a range of `source`, which is in it and begins with a page, in
   * place of its own. They are the same pieces until either is written to, but their
   * room is taken as if they were not: no later write lacks it. "no-space",
   * "too-big" for more pieces than are shared at a time, or "invalid" where part of a
   * page is not the source's last one or would take the place of a whole one, or the
   * source has less, and nothing is done.
   */
  share(source: FileContent, range: CloneRange): void {
    const { sourceOffset, targetOffset, length } = range;
    const end = sourceOffset + length;
    // Beyond the end of a file its last page has zeros, also where it is shared.
    const isWhole = length % PAGE === 0
      ? end <= source.size
      : end === source.size && targetOffset + length >= this.size;
    if (!isWhole) throw new FsError("invalid");
    const pages = Math.ceil(length / PAGE);
    const [from, to] = [sourceOffset / PAGE, targetOffset / PAGE];
    const wanted = source.#sum(from, from + pages);
    if (wanted.pieces > MOST_SHARED) throw new FsError("too-big");
    const had = this.#sum(to, to + pages);
    const more = wanted.bytes - had.bytes;
    this.#room.takeContent(more, wanted.pieces - had.pieces);
    const shared = [...source.#piecesOf(from, from + pages)];
    this.#removePages(to, to + pages);
    for (const [page, piece] of shared) {
      piece.isShared = true;
      this.#setPiece(page - from + to, piece);
    }
    this.size = Math.max(this.size, targetOffset + length);
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

  /** The piece of a page, which is about to be changed. */
  #ownPiece(index: number): Piece | undefined {
    const piece = this.#piece(index);
    if (piece === undefined || !piece.isShared) return piece;
    const own = piece.resized(piece.start, piece.bytes.length);
    this.#setPiece(index, own);
    return own;
  }

  /** What the pieces of some pages come to. */
  #sum(from: number, to: number): Need {
    const others = this.#others?.sum(Math.max(1, from), to);
    const first = from === 0 ? this.#first : undefined;
    return {
      bytes: (others?.bytes ?? 0) + (first?.bytes.length ?? 0),
      pieces: (others?.pieces ?? 0) + (first === undefined ? 0 : 1),
    };
  }

  /** The pieces of some pages, in order. */
  *#piecesOf(
    from: number,
    to: number,
  ): Generator<readonly [page: number, piece: Piece]> {
    if (from === 0 && this.#first !== undefined) yield [0, this.#first];
    let next = this.#others?.next(Math.max(1, from));
    while (next !== undefined && next[0] < to) {
      yield next;
      next = this.#others!.next(next[0] + 1);
    }
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
    this.#make(span);
  }

  /** Makes pieces, for which there is room. */
  #make(span: WriteSpan): void {
    const { offset, end } = span;
    for (let index = Math.floor(offset / PAGE); index * PAGE < end; index++) {
      const piece = this.#piece(index);
      const { start, length } = grown(piece, within(index, span));
      if (piece?.bytes.length === length) continue;
      const larger = piece?.resized(start, length) ?? new Piece(start, length);
      this.#setPiece(index, larger);
    }
  }

  /** Bytes, and pieces, that a write needs beyond those that there are. */
  #missing(span: WriteSpan): Need {
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

  /** The same of any number of pages. */
  #missingInAll(offset: number, end: number): Need {
    const [first, last] = [Math.floor(offset / PAGE), Math.floor(end / PAGE)];
    const part = (offset: number, end: number) =>
      this.#missing({ offset, end, generous: false });
    if (last - first < 2) return part(offset, end);
    const [from, to] = [(first + 1) * PAGE, last * PAGE];
    const [head, tail] = [part(offset, from), part(to, end)];
    const there = this.#sum(first + 1, last);
    return {
      bytes: head.bytes + tail.bytes + to - from - there.bytes,
      pieces: head.pieces + tail.pieces + last - first - 1 - there.pieces,
    };
  }

  #cut(size: number): void {
    const last = Math.floor(size / PAGE);
    this.#giving(() => {
      const isLeft = this.#cutPage(last, size - last * PAGE);
      this.#removePages(isLeft ? last + 1 : last, Infinity);
    });
  }

  /** Gives back the room of what `act` takes away. */
  #giving(act: () => void): void {
    const before = { bytes: this.used, pieces: this.#pieces };
    act();
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
    if (length > piece.bytes.length / 2) {
      this.#ownPiece(index)!.bytes.fill(0, length);
    } else this.#setPiece(index, piece.resized(piece.start, length));
    return true;
  }

  /** Takes what a page has between two of its offsets away. */
  #punchPage(index: number, from: number, to: number): void {
    const piece = this.#piece(index);
    if (piece === undefined || piece.end <= from || piece.start >= to) return;
    const { start, end } = piece;
    if (from <= start && to >= end) this.#removePages(index, index + 1);
    else if (from <= start) this.#setPiece(index, piece.resized(to, end - to));
    else if (to >= end) {
      this.#setPiece(index, piece.resized(start, from - start));
    } else this.#ownPiece(index)!.bytes.fill(0, from - start, to - start);
  }

  /** Takes all pages from `from` on away, up to the one before `to`. */
  #removePages(from: number, to: number): void {
    if (from >= to) return;
    if (from === 0) this.#first = undefined;
    this.#others?.remove(Math.max(1, from), to);
    if (this.#others?.size === 0) this.#others = undefined;
  }

  /** Where the next byte of a piece is; Infinity where none is. */
  #nextData(offset: number): number {
    const index = Math.floor(offset / PAGE);
    const piece = this.#piece(index);
    const at = offset - index * PAGE;
    if (piece !== undefined && at < piece.end) {
      return index * PAGE + Math.max(at, piece.start);
    }
    const next = this.#others?.next(index + 1);
    return next === undefined ? Infinity : next[0] * PAGE + next[1].start;
  }

  /** Where the next byte is that is of no piece. */
  #nextHole(offset: number): number {
    const index = Math.floor(offset / PAGE);
    const piece = this.#piece(index);
    const at = offset - index * PAGE;
    if (piece === undefined || at < piece.start || at >= piece.end) {
      return offset;
    }
    if (piece.end < PAGE) return index * PAGE + piece.end;
    const page = this.#others?.notFull(index + 1) ?? index + 1;
    const beyond = this.#piece(page);
    return page * PAGE + (beyond?.start === 0 ? beyond.end : 0);
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
