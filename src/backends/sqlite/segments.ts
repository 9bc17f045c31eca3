/** A part of a file that has bytes; what is between two of them is a hole. */
export interface Segment {
  /** Where it begins in the file. */
  readonly offset: number;
  /** Its length in bytes. */
  readonly length: number;
}

/** How many bytes there are in all. */
export function lengthOf(segments: readonly Segment[]): number {
  return segments.reduce((sum, { length }) => sum + length, 0);
}

/** What is left of segments in a file that ends at `size`. */
export function clipped(segments: readonly Segment[], size: number): Segment[] {
  return segments.filter(({ offset }) => offset < size)
    .map(({ offset, length }) => ({
      offset,
      length: Math.min(length, size - offset),
    }));
}

/** Segments of whole blocks, but for the last one of a file that ends within a block. */
export function aligned(
  segments: readonly Segment[],
  { block, size }: { readonly block: number; readonly size: number },
): Segment[] {
  const whole = segments.map(({ offset, length }) => {
    const start = offset - offset % block;
    const blocks = Math.ceil((offset + length - start) / block);
    return { offset: start, length: blocks * block };
  });
  return clipped(joined(whole, 0), size);
}

/** `most` segments at most: where there are more, the narrowest holes count as bytes. */
export function coarsened(
  segments: readonly Segment[],
  most: number,
): readonly Segment[] {
  let rest = segments;
  for (let gap = 4096; rest.length > most; gap *= 4) rest = joined(rest, gap);
  return rest;
}

/** Holes of up to `gap` bytes count as bytes. */
export function joined(segments: readonly Segment[], gap: number): Segment[] {
  const wider: Segment[] = [];
  for (const { offset, length } of segments) {
    const last = wider.at(-1);
    if (last === undefined || offset - (last.offset + last.length) > gap) {
      wider.push({ offset, length });
    } else {
      const end = offset + length;
      wider.splice(-1, 1, { offset: last.offset, length: end - last.offset });
    }
  }
  return wider;
}
