import { XdrWriter } from "../xdr/writer.ts";

const SMALLEST_POOLED = 64 * 1024;
const WRITER_CAPACITY = 8 * 1024;
/** Bytes of the largest writer that is kept: no reply, and no batch of them, needs more. */
export const LARGEST_WRITER = 4 * 1024 * 1024;

/** Memory that a connection reads into, held by the requests that lie in it. */
export interface ReceiveBuffer {
  /** The memory; its length is a power of two from 4 KiB up. */
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** The same memory, to read numbers from. */
  readonly view: DataView;
  /** Requests that wait and still read from it. */
  pins: number;
  /** Those among them that never end. */
  abandoned: number;
}

/** Options of {@linkcode BufferPool} and {@linkcode WriterPool}. */
export interface PoolOptions {
  /** Bytes that are kept for later use, at most. */
  maxKept?: number | undefined;
  /**
   * Whether more may be handed out than is asked for: all of it counts as held.
   * Always if left out.
   */
  isRoomy?: (() => boolean) | undefined;
}

/**
 * Receive buffers of powers of two, from 64 KiB up kept for the next
 * connection that needs one, so that a 1 MiB WRITE costs no fresh memory.
 */
export class BufferPool {
  readonly #free = new Map<number, ReceiveBuffer[]>();
  readonly #maxKept: number;
  readonly #isRoomy: () => boolean;
  #kept = 0;

  /** Keeps up to `maxKept` bytes; 64 MiB if left out, for 32 connections that write 1 MiB at once. */
  constructor(options: PoolOptions = {}) {
    this.#maxKept = options.maxKept ?? 64 * 1024 * 1024;
    this.#isRoomy = options.isRoomy ?? (() => true);
  }

  /** Bytes kept for later use. */
  get kept(): number {
    return this.#kept;
  }

  /** A buffer of `size` bytes (a power of two) with what it held before. */
  take(size: number): ReceiveBuffer {
    const kept = this.#free.get(size)?.pop();
    if (kept !== undefined) {
      this.#kept -= size;
      return kept;
    }
    const bytes = new Uint8Array(size);
    return { bytes, view: new DataView(bytes.buffer), pins: 0, abandoned: 0 };
  }

  /** The smallest kept buffer of `size` to `largest` bytes, where there is room for that; nothing is made. */
  takeKept(size: number, largest: number): ReceiveBuffer | undefined {
    if (!this.#isRoomy()) return undefined;
    for (let s = powerOfTwo(size); s <= largest; s *= 2) {
      if ((this.#free.get(s)?.length ?? 0) > 0) return this.take(s);
    }
    return undefined;
  }

  /** Takes a buffer back that is not read from any more. */
  give(buffer: ReceiveBuffer): void {
    const size = buffer.bytes.length;
    if (size < SMALLEST_POOLED || this.#kept + size > this.#maxKept) return;
    const free = this.#free.get(size);
    if (free === undefined) this.#free.set(size, [buffer]);
    else free.push(buffer);
    this.#kept += size;
  }
}

/** The smallest power of two that is not below `size`. */
export function powerOfTwo(size: number): number {
  return 2 ** Math.ceil(Math.log2(size));
}

/**
 * Writers for replies; one that grew too large is dropped, not kept. A handler
 * that writes little gets a small one: a reply that waits holds all of its
 * writer.
 */
export class WriterPool {
  readonly #small: XdrWriter[] = [];
  readonly #large: XdrWriter[] = [];
  readonly #maxKept: number;
  readonly #largest: number;
  readonly #isRoomy: () => boolean;
  #kept = 0;

  /** Keeps up to `maxKept` bytes, 64 MiB if left out, in writers of 4 MiB at most. */
  constructor(options: PoolOptions = {}) {
    this.#maxKept = options.maxKept ?? 64 * 1024 * 1024;
    this.#largest = Math.min(this.#maxKept, LARGEST_WRITER);
    this.#isRoomy = options.isRoomy ?? (() => true);
  }

  /** Bytes kept for later use. */
  get kept(): number {
    return this.#kept;
  }

  /** An empty writer, a large one if there is one, and room for it, where `expected` bytes are. */
  take(expected = 0): XdrWriter {
    const isLarge = expected > SMALLEST_POOLED && this.#isRoomy();
    const large = isLarge ? this.#large.pop() : undefined;
    const writer = large ?? this.#small.pop();
    if (writer === undefined) return new XdrWriter(WRITER_CAPACITY);
    this.#kept -= writer.capacity;
    return writer;
  }

  /** Takes a writer back whose bytes are not needed any more. */
  give(writer: XdrWriter): void {
    const size = writer.capacity;
    if (size > this.#largest || this.#kept + size > this.#maxKept) return;
    writer.truncate(0);
    (size > SMALLEST_POOLED ? this.#large : this.#small).push(writer);
    this.#kept += size;
  }
}
