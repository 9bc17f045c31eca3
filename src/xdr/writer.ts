const TWO_32 = 0x1_0000_0000;
const utf8 = new TextEncoder();

/**
 * Writes XDR (RFC 4506) into a buffer that grows. Fields already written can be
 * patched or cut off again, and {@linkcode XdrWriter.space} hands out room for
 * data that a file system fills in, so that file content is copied once.
 */
export class XdrWriter {
  /** Bytes written so far; also the offset of the next byte. */
  position = 0;
  /** Called when the buffer has become larger or smaller. */
  resized: (() => void) | undefined;
  #bytes: Uint8Array<ArrayBuffer>;
  #view: DataView;

  /** Starts with room for `capacity` bytes. */
  constructor(capacity = 512) {
    this.#bytes = new Uint8Array(capacity);
    this.#view = new DataView(this.#bytes.buffer);
  }

  /** Bytes that fit without growing. */
  get capacity(): number {
    return this.#bytes.length;
  }

  /** unsigned int (RFC 4506 4.2). */
  uint32(value: number): void {
    const at = this.#advance(4);
    this.#view.setUint32(at, value);
  }

  /** int (RFC 4506 4.1). */
  int32(value: number): void {
    const at = this.#advance(4);
    this.#view.setInt32(at, value);
  }

  /** unsigned hyper (RFC 4506 4.5), exact. */
  uint64(value: bigint): void {
    const at = this.#advance(8);
    this.#view.setBigUint64(at, value);
  }

  /** unsigned hyper from a number of 0 to 2^53 - 1. */
  uint64Number(value: number): void {
    const at = this.#advance(8);
    this.#view.setUint32(at, Math.floor(value / TWO_32));
    this.#view.setUint32(at + 4, value >>> 0);
  }

  /** hyper (RFC 4506 4.5) from a number of at most 2^53 - 1 either way. */
  int64Number(value: number): void {
    const at = this.#advance(8);
    this.#view.setInt32(at, Math.floor(value / TWO_32));
    this.#view.setUint32(at + 4, value >>> 0);
  }

  /** bool (RFC 4506 4.4). */
  bool(value: boolean): void {
    this.uint32(value ? 1 : 0);
  }

  /** Fixed-length opaque (RFC 4506 4.9). */
  opaqueFixed(value: Uint8Array): void {
    const at = this.#advancePadded(value.length);
    this.#bytes.set(value, at);
  }

  /** Variable-length opaque (RFC 4506 4.10). */
  opaque(value: Uint8Array): void {
    this.uint32(value.length);
    this.opaqueFixed(value);
  }

  /** string (RFC 4506 4.11), as UTF-8. */
  string(value: string): void {
    const ascii = value.length;
    const lengthAt = this.position;
    this.uint32(ascii);
    const at = this.#advancePadded(ascii);
    const bytes = this.#bytes;
    for (let i = 0; i < ascii; i++) {
      const code = value.charCodeAt(i);
      if (code > 0x7f) {
        this.position = lengthAt;
        return this.opaque(utf8.encode(value));
      }
      bytes[at + i] = code;
    }
  }

  /** Variable-length array (RFC 4506 4.13). */
  array<T>(
    items: readonly T[],
    element: (xdr: XdrWriter, item: T) => void,
  ): void {
    this.uint32(items.length);
    for (const item of items) element(this, item);
  }

  /** Appends bytes that are XDR already (a reply kept for replay). */
  raw(value: Uint8Array): void {
    const at = this.#advance(value.length);
    this.#bytes.set(value, at);
  }

  /** Bytes that the buffer would grow by for `length` more; 0 where they fit. */
  growthFor(length: number): number {
    const { length: capacity } = this.#bytes;
    const needed = this.position + length;
    return needed > capacity ? Math.max(needed, capacity * 2) - capacity : 0;
  }

  /** Grows now, so that `length` bytes more fit. */
  reserve(length: number): void {
    const growth = this.growthFor(length);
    if (growth > 0) this.#resize(this.#bytes.length + growth);
  }

  /**
   * Room for a variable-length opaque of up to `length` bytes: fill the view,
   * then call {@linkcode XdrWriter.spaceUsed}. Nothing else may be written in
   * between, for growing would leave the view behind.
   */
  space(length: number): Uint8Array {
    this.uint32(length);
    const at = this.#advancePadded(length);
    return this.#bytes.subarray(at, at + length);
  }

  /** Ends {@linkcode XdrWriter.space}: `used` of its `length` bytes were filled. */
  spaceUsed(length: number, used: number): void {
    const dataAt = this.position - padded(length);
    this.#view.setUint32(dataAt - 4, used);
    this.position = dataAt + used;
    this.#advancePad(used);
  }

  /** Overwrites the 4 bytes at `offset`. */
  patchUint32(offset: number, value: number): void {
    this.#view.setUint32(offset, value);
  }

  /** Reads back the 4 bytes at `offset`. */
  peekUint32(offset: number): number {
    return this.#view.getUint32(offset);
  }

  /** Forgets everything from `position` on. */
  truncate(position: number): void {
    this.position = position;
  }

  /**
   * As {@linkcode XdrWriter.truncate}, and goes on in other memory: a file
   * system that still has what {@linkcode XdrWriter.space} handed out may fill
   * it at any time.
   */
  abandon(position: number): void {
    this.position = position;
    this.#resize(Math.max(position, 512));
  }

  /** The bytes from `start` to `end`: a view, valid until the next write. */
  subarray(start = 0, end: number = this.position): Uint8Array<ArrayBuffer> {
    return this.#bytes.subarray(start, end);
  }

  /** A copy of the bytes from `start` to `end`. */
  slice(start = 0, end: number = this.position): Uint8Array<ArrayBuffer> {
    return this.#bytes.slice(start, end);
  }

  #advance(length: number): number {
    const at = this.position;
    const after = at + length;
    if (after > this.#bytes.length) this.reserve(length);
    this.position = after;
    return at;
  }

  #advancePadded(length: number): number {
    const at = this.#advance(padded(length));
    for (let i = at + length; i < this.position; i++) this.#bytes[i] = 0;
    return at;
  }

  #advancePad(length: number): void {
    const at = this.#advance(-length & 3);
    for (let i = at; i < this.position; i++) this.#bytes[i] = 0;
  }

  /** Goes on in other memory of so many bytes. */
  #resize(capacity: number): void {
    const bytes = new Uint8Array(capacity);
    bytes.set(this.#bytes.subarray(0, this.position));
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer);
    this.resized?.();
  }
}

function padded(length: number): number {
  return (length + 3) & ~3;
}
