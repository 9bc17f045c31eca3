/** Record marking (RFC 5531 11), reading and writing, whole and in pieces. */

const LAST = 0x8000_0000;

/** A record off the wire. */
export interface ReceivedRecord {
  /** The fragments put together. */
  readonly bytes: Uint8Array;
  /** How many fragments it came in. */
  readonly fragments: number;
}

/** Cuts a stream of bytes into records. */
export class RecordReader {
  #buffered = new Uint8Array(0);
  #fragments: Uint8Array[] = [];

  /** Bytes that belong to a record whose end has not arrived. */
  get pending(): number {
    return this.#buffered.length +
      this.#fragments.reduce((sum, bytes) => sum + bytes.length, 0);
  }

  /** Takes what was read and returns the records that are complete with it. */
  push(chunk: Uint8Array): ReceivedRecord[] {
    const joined = new Uint8Array(this.#buffered.length + chunk.length);
    joined.set(this.#buffered);
    joined.set(chunk, this.#buffered.length);
    const view = new DataView(joined.buffer);
    const records: ReceivedRecord[] = [];
    let at = 0;
    while (joined.length - at >= 4) {
      const mark = view.getUint32(at);
      const length = mark & ~LAST;
      if (joined.length - at - 4 < length) break;
      if (length === 0 && mark < LAST) throw new Error("empty fragment");
      this.#fragments.push(joined.slice(at + 4, at + 4 + length));
      at += 4 + length;
      if (mark >= LAST) records.push(this.#take());
    }
    this.#buffered = joined.slice(at);
    return records;
  }

  #take(): ReceivedRecord {
    const fragments = this.#fragments;
    this.#fragments = [];
    const bytes = concat(fragments);
    return { bytes, fragments: fragments.length };
  }
}

/** One byte string of many. */
export function concat(
  parts: readonly Uint8Array[],
): Uint8Array<ArrayBuffer> {
  const whole = new Uint8Array(
    parts.reduce((sum, part) => sum + part.length, 0),
  );
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

/** A record with its marks, in fragments of at most `fragmentSize` bytes. */
export function frame(
  record: Uint8Array,
  fragmentSize: number = Math.max(record.length, 1),
): Uint8Array<ArrayBuffer> {
  const parts: Uint8Array[] = [];
  let at = 0;
  do {
    const end = Math.min(at + fragmentSize, record.length);
    const mark = new Uint8Array(4);
    const last = end === record.length ? LAST : 0;
    new DataView(mark.buffer).setUint32(0, (last | (end - at)) >>> 0);
    parts.push(mark, record.subarray(at, end));
    at = end;
  } while (at < record.length);
  return concat(parts);
}
