import type { XdrReader } from "../../xdr/reader.ts";

/** Blocks that differ by their numbers alone (app_data_block4 without its place, RFC 7862 8.1.1). */
export interface DataBlocks {
  /** Bytes of a block. */
  readonly size: bigint;
  /** How many there are. */
  readonly count: bigint;
  /** Where in a block its number goes; 2^64 - 1 where it has none. */
  readonly numberOffset: bigint;
  /** Number of the first block. */
  readonly firstNumber: number;
  /** Where in a block the pattern goes; 2^64 - 1 where it has none. */
  readonly patternOffset: bigint;
  /** The pattern, a view of the request. */
  readonly pattern: Uint8Array;
}

/** NFS4_UINT64_MAX. */
const NONE = 0xffff_ffff_ffff_ffffn;
const NUMBER_SIZE = 4;

/** What follows adb_offset. */
export function readDataBlocks(xdr: XdrReader): DataBlocks {
  return {
    size: xdr.uint64(),
    count: xdr.uint64(),
    numberOffset: xdr.uint64(),
    firstNumber: xdr.uint32(),
    patternOffset: xdr.uint64(),
    pattern: xdr.opaque(xdr.remaining),
  };
}

/** Whether a block has bytes, and holds its number and its pattern. */
export function isSoundBlock(
  { size, numberOffset, patternOffset, pattern }: DataBlocks,
): boolean {
  const holds = (offset: bigint, length: number) =>
    offset === NONE || offset + BigInt(length) <= size;
  return size > 0n && holds(numberOffset, NUMBER_SIZE) &&
    holds(patternOffset, pattern.length);
}

/**
 * Fills `target` with what these blocks, sound ones, are from the byte `from` on:
 * zeros but for the pattern, and over that the number, high byte first. However
 * small they are, a request of a few bytes takes no longer than one of large ones.
 */
export function fillWithBlocks(
  target: Uint8Array,
  blocks: DataBlocks,
  from: number,
): void {
  const size = Number(blocks.size);
  fillWithPattern(target, blocks, from % size);
  if (blocks.numberOffset !== NONE) putNumbers(target, blocks, from);
}

/** What is the same in each block, of the first of which so many bytes are left out. */
function fillWithPattern(
  target: Uint8Array,
  { size, patternOffset, pattern }: DataBlocks,
  leftOut: number,
): void {
  target.fill(0);
  if (patternOffset === NONE) return;
  const at = Number(patternOffset) - leftOut;
  const period = Number(size);
  const first = target.subarray(0, Math.min(period, target.length));
  put(first, pattern, at);
  put(first, pattern, at + period);
  for (let done = first.length; done < target.length; done *= 2) {
    target.copyWithin(done, 0, done);
  }
}

function putNumbers(
  target: Uint8Array,
  { size, numberOffset, firstNumber }: DataBlocks,
  from: number,
): void {
  const { buffer, byteOffset, length } = target;
  const view = new DataView(buffer, byteOffset, length);
  const step = Number(size);
  let index = Math.floor(from / step);
  let at = index * step - from + Number(numberOffset);
  for (; at < length; index++, at += step) {
    if (at >= 0 && at + NUMBER_SIZE <= length) {
      view.setUint32(at, firstNumber + index);
    } else {
      const number = new Uint8Array(NUMBER_SIZE);
      new DataView(number.buffer).setUint32(0, firstNumber + index);
      put(target, number, at);
    }
  }
}

/** Puts what of `bytes` is within `target` there, `at` where the first of them would be. */
function put(target: Uint8Array, bytes: Uint8Array, at: number): void {
  const first = Math.max(0, -at);
  const end = Math.min(bytes.length, target.length - at);
  if (first < end) target.set(bytes.subarray(first, end), at + first);
}
