import type { SharedRange } from "./shared_ranges.ts";

/** A part of a file that lies in one content. */
export interface Piece {
  /** Its first byte in the file. */
  readonly offset: number;
  /** Number of bytes. */
  readonly length: number;
  /** Number of the content. */
  readonly content: number;
  /** Its first byte there. */
  readonly at: number;
  /** Whether that is a shared content. */
  readonly isShared: boolean;
}

/** In which contents the bytes of a file from `start` to `end` are: in `own` what is in no range, in its place. */
export function piecesOf(
  ranges: readonly SharedRange[],
  { start, end, own }: {
    readonly start: number;
    readonly end: number;
    readonly own: number;
  },
): Piece[] {
  const pieces: Piece[] = [];
  let at = start;
  const addOwn = (until: number) => {
    if (until <= at) return;
    const place = { offset: at, length: until - at, content: own, at };
    pieces.push({ ...place, isShared: false });
    at = until;
  };
  for (const range of ranges) {
    addOwn(Math.min(end, range.start));
    const until = Math.min(end, range.start + range.length);
    if (until <= at) continue;
    pieces.push({
      offset: at,
      length: until - at,
      content: range.content,
      at: range.at + at - range.start,
      isShared: true,
    });
    at = until;
  }
  addOwn(end);
  return pieces;
}
