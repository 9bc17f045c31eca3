import type { XdrWriter } from "../xdr/writer.ts";
import { BufferPool, powerOfTwo, type ReceiveBuffer } from "./pools.ts";

const LAST_FRAGMENT = 0x8000_0000;
/** Bytes in front of each fragment (RFC 5531 section 11). */
export const RECORD_MARK_SIZE = 4;
const FIRST_SIZE = 4 * 1024;
const WORKING_SIZE = 64 * 1024;
// No client sends fragments this small; more of them are a flood of marks.
const MAX_FRAGMENTS = 4096;

/** Largest record taken unless told otherwise: 1 MiB of data and its request. */
const DEFAULT_MAX_RECORD: number = 1024 * 1024 + 64 * 1024;

/** The record marks don't make sense: the stream can't be followed further. */
export class RecordError extends Error {
  override readonly name = "RecordError";
}

/** Options of {@linkcode RecordFramer}. */
export interface RecordFramerOptions {
  /** Largest record in bytes; {@linkcode DEFAULT_MAX_RECORD} if left out. */
  maxRecord?: number | undefined;
  /** Where large buffers come from; one of its own if left out. */
  pool?: BufferPool | undefined;
}

/**
 * Takes a byte stream apart into records (RFC 5531 section 11). The socket
 * reads into {@linkcode RecordFramer.space}; each record is handed out where it
 * lies, and only fragments are moved together.
 *
 * Memory follows what really arrived, never what a mark announces: a buffer of
 * 4 KiB, doubled each time that it is full, and back to 64 KiB at most once a
 * large record is done.
 */
export class RecordFramer {
  /** The buffer of the record that {@linkcode RecordFramer.next} found. */
  bytes: Uint8Array<ArrayBuffer>;
  /** Offset of its first byte. */
  start = 0;
  /** Offset behind its last byte. */
  end = 0;

  readonly #pool: BufferPool;
  readonly #maxRecord: number;
  #buffer: ReceiveBuffer;
  #size = FIRST_SIZE;
  #filled = 0;
  #parsed = 0;
  #pinned = 0;

  // A record whose end is still to come: its bytes so far lie together.
  #recordStart = 0;
  #recordEnd = 0;
  #fragments = 0;
  #fragmentLeft = 0;
  #isLastFragment = false;

  /** Starts before the first mark of a stream. */
  constructor(options: RecordFramerOptions = {}) {
    this.#maxRecord = options.maxRecord ?? DEFAULT_MAX_RECORD;
    this.#pool = options.pool ?? new BufferPool();
    this.#buffer = this.#pool.take(FIRST_SIZE);
    this.bytes = this.#buffer.bytes;
  }

  /** All of `bytes`, to read numbers from. */
  get view(): DataView {
    return this.#buffer.view;
  }

  /** Bytes of memory that the framer holds now. */
  get capacity(): number {
    return this.#buffer.bytes.length;
  }

  /** Whether it holds no more than a peer that sends small records needs. */
  get isSmall(): boolean {
    return this.capacity <= WORKING_SIZE;
  }

  /** Whether a record has begun to arrive and not ended, as far as was looked. */
  get isReceiving(): boolean {
    return this.#fragments > 0 || this.#filled > this.#parsed;
  }

  /** Bytes of the buffers that waiting requests hold. */
  get pinned(): number {
    return this.#pinned;
  }

  /**
   * Room for the next read, never empty. Records handed out before are
   * overwritten by it unless they were {@linkcode RecordFramer.pin}ned.
   */
  space(): Uint8Array<ArrayBuffer> {
    const from = this.#closeGap();
    const kept = this.#filled - from;
    const capacity = this.#buffer.bytes.length;
    if (this.#filled === this.#size && this.#size < WORKING_SIZE) {
      this.#size *= 2; // the peer sends more at once than was expected
    }
    if (kept > 0) {
      const wanted = kept + Math.max(this.#fragmentLeft, 4);
      if (from + wanted > capacity || capacity !== this.#size) {
        this.#makeRoom(from, wanted);
      }
    } else if (capacity !== this.#size) {
      this.#moveTo(this.#pool.take(this.#size), from);
    } else if (this.#buffer.pins === 0) {
      this.#moveTo(this.#buffer, from);
    } else if (this.#filled > capacity / 2) {
      this.#moveTo(this.#pool.take(capacity), from);
    }
    return this.#buffer.bytes.subarray(this.#filled);
  }

  /** Tells that `length` bytes were read into {@linkcode RecordFramer.space}. */
  received(length: number): void {
    this.#filled += length;
  }

  /**
   * Finds the next record in what was received and sets `bytes`, `start` and
   * `end` to it; false when there is no whole one. Throws
   * {@linkcode RecordError}.
   */
  next(): boolean {
    const at = this.#parsed;
    const available = this.#filled - at - 4;
    if (this.#fragments === 0 && available >= 0) {
      const length = this.#buffer.view.getUint32(at) - LAST_FRAGMENT;
      if (
        length >= 0 && length <= available && length <= this.#maxRecord
      ) {
        this.start = at + 4;
        this.#parsed = this.end = at + 4 + length;
        return true;
      }
    }
    return this.#assemble();
  }

  /**
   * Keeps the record handed out last where it is, for a request that has to
   * wait. Returns its buffer, to be given to {@linkcode RecordFramer.unpin}.
   */
  pin(): ReceiveBuffer {
    const buffer = this.#buffer;
    if (buffer.pins++ === buffer.abandoned) {
      this.#pinned += buffer.bytes.length;
    }
    return buffer;
  }

  /** A request that waited no longer reads from `buffer`. */
  unpin(buffer: ReceiveBuffer): void {
    if (--buffer.pins > buffer.abandoned) return;
    this.#pinned -= buffer.bytes.length;
    if (buffer.pins > 0 || buffer === this.#buffer) return;
    this.#pool.give(buffer);
  }

  /**
   * A request that waited is answered, but a file system may still read from
   * `buffer`: it is never used again, and no longer counted here.
   */
  abandon(buffer: ReceiveBuffer): void {
    buffer.abandoned++;
    if (buffer.pins === buffer.abandoned) {
      this.#pinned -= buffer.bytes.length;
    }
  }

  /** Gives the memory back; no read may be under way, nothing may follow. */
  release(): void {
    const buffer = this.#buffer;
    this.#buffer = {
      bytes: new Uint8Array(0),
      view: buffer.view,
      pins: 0,
      abandoned: 0,
    };
    this.bytes = this.#buffer.bytes;
    if (buffer.pins === 0) this.#pool.give(buffer);
  }

  #assemble(): boolean {
    for (;;) {
      if (this.#fragmentLeft === 0 && !this.#beginFragment()) return false;
      const part = Math.min(this.#fragmentLeft, this.#filled - this.#parsed);
      if (part > 0) {
        // Moved over the mark between them: each byte once, however many marks.
        if (this.#recordEnd !== this.#parsed) {
          this.bytes.copyWithin(
            this.#recordEnd,
            this.#parsed,
            this.#parsed + part,
          );
        }
        this.#recordEnd += part;
        this.#parsed += part;
        this.#fragmentLeft -= part;
      }
      if (this.#fragmentLeft > 0) return false;
      if (this.#isLastFragment) {
        this.start = this.#recordStart;
        this.end = this.#recordEnd;
        this.#fragments = 0;
        return true;
      }
    }
  }

  #beginFragment(): boolean {
    if (this.#filled - this.#parsed < 4) return false;
    // RFC 5531 section 11: the highest bit marks the last fragment.
    const mark = this.#buffer.view.getUint32(this.#parsed);
    this.#parsed += 4;
    if (this.#fragments === 0) {
      this.#recordStart = this.#recordEnd = this.#parsed;
    }
    if (++this.#fragments > MAX_FRAGMENTS) {
      throw new RecordError(`a record of more than ${MAX_FRAGMENTS} fragments`);
    }
    this.#isLastFragment = mark >= LAST_FRAGMENT;
    this.#fragmentLeft = mark % LAST_FRAGMENT;
    const length = this.#recordEnd - this.#recordStart + this.#fragmentLeft;
    if (length > this.#maxRecord) {
      throw new RecordError(
        `a record of ${length} bytes, above ${this.#maxRecord}`,
      );
    }
    return true;
  }

  /** Moves part of a mark behind the record it continues; returns what to keep. */
  #closeGap(): number {
    if (this.#fragments === 0) return this.#parsed;
    if (this.#recordEnd !== this.#parsed) {
      this.bytes.copyWithin(this.#recordEnd, this.#parsed, this.#filled);
      this.#filled -= this.#parsed - this.#recordEnd;
      this.#parsed = this.#recordEnd;
    }
    return this.#recordStart;
  }

  #makeRoom(from: number, wanted: number): void {
    const capacity = this.#buffer.bytes.length;
    const kept = this.#filled - from;
    if (wanted <= this.#size) {
      // Back from a large buffer, or out of one that waiting requests hold.
      const stays = this.#buffer.pins === 0 && capacity === this.#size;
      this.#moveTo(stays ? this.#buffer : this.#pool.take(this.#size), from);
    } else if (kept < capacity) {
      // Not full of this record: the bytes it announces are yet to arrive.
      if (from === 0) return;
      const stays = this.#buffer.pins === 0;
      this.#moveTo(stays ? this.#buffer : this.#pool.take(capacity), from);
    } else {
      this.#moveTo(this.#larger(wanted), from);
      this.#size = Math.min(this.#buffer.bytes.length, WORKING_SIZE);
    }
  }

  #larger(wanted: number): ReceiveBuffer {
    const doubled = this.#buffer.bytes.length * 2;
    // A kept buffer costs nothing more, so it may have the final size at once.
    const largest = powerOfTwo(this.#maxRecord);
    return this.#pool.takeKept(Math.max(wanted, doubled), largest) ??
      this.#pool.take(doubled);
  }

  #moveTo(buffer: ReceiveBuffer, from: number): void {
    const old = this.#buffer;
    if (buffer === old) {
      if (this.#filled > from) buffer.bytes.copyWithin(0, from, this.#filled);
    } else {
      buffer.bytes.set(old.bytes.subarray(from, this.#filled));
      this.#buffer = buffer;
      this.bytes = buffer.bytes;
      if (old.pins === 0) this.#pool.give(old);
    }
    this.#filled -= from;
    this.#parsed -= from;
    this.#recordStart -= from;
    this.#recordEnd -= from;
  }
}

/** Writes room for a record mark; returns its offset for {@linkcode endRecord}. */
export function beginRecord(writer: XdrWriter): number {
  const at = writer.position;
  writer.uint32(0);
  return at;
}

/** Marks what was written behind `at` as a record of one fragment. */
export function endRecord(writer: XdrWriter, at: number): void {
  writer.patchUint32(at, LAST_FRAGMENT + writer.position - at - 4);
}
