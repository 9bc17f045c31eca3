import type { Room } from "./room.ts";

/** Bytes in a page. */
const PAGE = 65536;
const NOTHING = new Uint8Array(0);

/**
 * The bytes of a file, in pages of 64 KiB. A page that was never written is a
 * hole: it reads as zeros and takes no memory. The first page is only as long
 * as it has to be, so that a small file is one small buffer.
 *
 * What lies in a page beyond the size of the file is always zero: growing a
 * file is then a matter of its size alone.
 */
export class FileContent {
  /** Bytes from the start to the end, holes included. */
  size = 0;
  /** Bytes of memory that the pages take. */
  used = 0;
  readonly #room: Room;
  #first: Uint8Array = NOTHING;
  /** The pages from 1 on, by number. */
  #pages: Map<number, Uint8Array> | undefined;

  /** No content yet; its memory is taken from `room`. */
  constructor(room: Room) {
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
      const page = index === 0 ? this.#first : this.#pages?.get(index);
      const into = at - offset;
      const there = page === undefined
        ? 0
        : Math.max(0, Math.min(page.length - start, count));
      if (there > 0) target.set(page!.subarray(start, start + there), into);
      if (there < count) target.fill(0, into + there, into + count);
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
      const page = index === 0 ? this.#first : this.#pages!.get(index)!;
      const from = at - offset;
      // A view of all the data would be one more object for every small write.
      page.set(
        count === data.length ? data : data.subarray(from, from + count),
        start,
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

  /** Gives all memory back. */
  release(): void {
    this.#room.freeBytes += this.used;
    this.used = this.size = 0;
    this.#first = NOTHING;
    this.#pages = undefined;
  }

  /** Makes pages for all bytes from `offset` to `end`, or none and throws. */
  #allocate(offset: number, end: number): void {
    const first = offset < PAGE ? this.#capacity(Math.min(end, PAGE)) : 0;
    const from = Math.max(1, Math.floor(offset / PAGE));
    const to = Math.ceil(end / PAGE);
    let bytes = Math.max(0, first - this.#first.length);
    for (let index = from; index < to; index++) {
      if (this.#pages?.has(index) !== true) bytes += PAGE;
    }
    if (bytes === 0) return;
    this.#room.takeBytes(bytes);
    this.used += bytes;
    if (first > this.#first.length) this.#resizeFirst(first);
    for (let index = from; index < to; index++) {
      this.#pages ??= new Map();
      if (!this.#pages.has(index)) this.#pages.set(index, new Uint8Array(PAGE));
    }
  }

  /** How long the first page becomes when it has to hold `needed` bytes. */
  #capacity(needed: number): number {
    const { length } = this.#first;
    if (needed <= length) return length;
    // Doubling keeps a file that grows byte by byte from being copied each time.
    const doubled = Math.min(PAGE, Math.max(needed, 2 * length));
    return doubled - length <= this.#room.freeBytes ? doubled : needed;
  }

  #resizeFirst(length: number): void {
    const page = length === 0 ? NOTHING : new Uint8Array(length);
    page.set(this.#first.subarray(0, length));
    this.#first = page;
  }

  #cut(size: number): void {
    const before = this.used;
    if (size < this.#first.length) {
      this.#first.fill(0, size);
      if (size <= this.#first.length / 2) {
        this.used -= this.#first.length - size;
        this.#resizeFirst(size);
      }
    }
    if (this.#pages !== undefined) this.#cutPages(this.#pages, size);
    this.#room.freeBytes += before - this.used;
  }

  #cutPages(pages: Map<number, Uint8Array>, size: number): void {
    const keep = Math.ceil(size / PAGE);
    for (const index of pages.keys()) {
      if (index < keep) continue;
      pages.delete(index);
      this.used -= PAGE;
    }
    const rest = size % PAGE;
    // The tail goes to zero now: those bytes must not be there when it grows.
    if (rest > 0) pages.get(keep - 1)?.fill(0, rest);
    if (pages.size === 0) this.#pages = undefined;
  }
}
