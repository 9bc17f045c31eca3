import { readSync } from "node:fs";
import type { HostCalls } from "../common/host_calls.ts";
import { joined, type Segment } from "./segments.ts";

/** Bytes that are looked at at once, where the host can't be asked. */
const PIECE = 2 ** 18;
const BLOCK = 4096;
/** `lseek` of Linux: the next byte that may be other than zero, the next hole. */
const SEEK_DATA = 3;
const SEEK_HOLE = 4;
const ENXIO = 6;

/**
 * Finds the holes of files on the host. Deno has no call for that, so libc is
 * asked where Deno may (`--allow-ffi`, Linux); elsewhere whatever reads as zeros
 * is a hole, which takes as long as reading all of the file does.
 */
export class HoleFinder {
  readonly #calls: HostCalls | undefined;

  /** `calls`: of libc, where Deno may call it. */
  constructor(calls: HostCalls | undefined) {
    this.#calls = calls;
  }

  /** The parts of an open file of `size` bytes that may be other than zeros, in order. */
  find(descriptor: number, size: number): readonly Segment[] {
    const calls = this.#calls;
    if (calls === undefined) return readThrough(descriptor, size);
    const { libc } = calls;
    const segments: Segment[] = [];
    for (let at = 0; at < size;) {
      const offset = Number(libc.lseek(descriptor, BigInt(at), SEEK_DATA));
      if (offset < 0 && calls.errno() === ENXIO) break;
      const end = offset < 0
        ? -1
        : Number(libc.lseek(descriptor, BigInt(offset), SEEK_HOLE));
      if (end < 0) {
        // Of a disk that can't tell, the rest is for the reader to find out.
        const from = Math.max(at, offset);
        segments.push({ offset: from, length: size - from });
        break;
      }
      segments.push({ offset, length: end - offset });
      at = end;
    }
    return segments;
  }
}

function readThrough(descriptor: number, size: number): readonly Segment[] {
  const segments: Segment[] = [];
  const piece = new Uint8Array(PIECE);
  for (let at = 0; at < size;) {
    const count = readSync(descriptor, piece, 0, PIECE, at);
    if (count === 0) break;
    for (let start = 0; start < count; start += BLOCK) {
      const block = piece.subarray(start, Math.min(count, start + BLOCK));
      if (block.every((byte) => byte === 0)) continue;
      segments.push({ offset: at + start, length: block.length });
    }
    at += count;
  }
  return joined(segments, 0);
}
