/** Bytes in a page. */
export const PAGE = 65536;

/**
 * What is there of a page: one run of bytes, only as long as it has to be, and
 * zeros around it. So a small file, or a small write far out, is a small buffer.
 */
export class Piece {
  /** Where in the page it begins. */
  readonly start: number;
  /** The bytes from there on. */
  readonly bytes: Uint8Array;

  /** Whether contents may have it in common: then its bytes stay as they are. */
  isShared = false;

  /** A run of `length` zeros. */
  constructor(start: number, length: number) {
    this.start = start;
    this.bytes = new Uint8Array(length);
  }

  /** Offset in the page behind the last byte. */
  get end(): number {
    return this.start + this.bytes.length;
  }

  /** Copies what there is of the page from `at` on to `target`, and zeros for the rest. */
  read(at: number, target: Uint8Array): void {
    const from = Math.max(at, this.start);
    const to = Math.min(at + target.length, this.end);
    if (to <= from) {
      target.fill(0);
      return;
    }
    if (from > at) target.fill(0, 0, from - at);
    target.set(
      this.bytes.subarray(from - this.start, to - this.start),
      from - at,
    );
    if (to < at + target.length) target.fill(0, to - at);
  }

  /** Another one of this `start` and `length`, with what this one has of that. */
  resized(start: number, length: number): Piece {
    const piece = new Piece(start, length);
    const from = Math.max(start, this.start);
    const to = Math.min(start + length, this.end);
    if (to > from) {
      const kept = this.bytes.subarray(from - this.start, to - this.start);
      piece.bytes.set(kept, from - start);
    }
    return piece;
  }
}

/** A page of zeros that contents have in common, until they write to it. */
export const ZEROS: Piece = new Piece(0, PAGE);
ZEROS.isShared = true;

/** Where a piece has to begin and how long it has to be to hold `from` to `to` of its page as well. */
export function grown(
  piece: Piece | undefined,
  { from, to, generous }: {
    readonly from: number;
    readonly to: number;
    /** Doubling keeps a file that grows byte by byte from being copied each time. */
    readonly generous: boolean;
  },
): { start: number; length: number } {
  if (piece === undefined) return { start: from, length: to - from };
  const start = Math.min(piece.start, from);
  const length = Math.max(piece.end, to) - start;
  if (!generous || to <= piece.end) return { start, length };
  const doubled = Math.min(PAGE - start, 2 * piece.bytes.length);
  return { start, length: Math.max(length, doubled) };
}
