import { XdrError } from "./error.ts";

const TWO_32 = 0x1_0000_0000;
const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/**
 * Reads XDR (RFC 4506) from a byte range without copying: opaque fields are
 * views of the range, valid as long as it is. Each read is bounds-checked;
 * whatever does not fit throws {@linkcode XdrError}.
 */
export class XdrReader {
  /** The whole buffer that is read from. */
  readonly bytes: Uint8Array;
  /** Offset of the first byte that was to be read. */
  readonly start: number;
  /** Offset of the next unread byte. */
  position: number;
  /** Offset behind the last readable byte. */
  readonly end: number;
  readonly #view: DataView;

  /** Reads `bytes` from `position` to `end`, both offsets in bytes; `view`, where there is one, is of all of them. */
  constructor(
    bytes: Uint8Array,
    position = 0,
    end: number = bytes.length,
    view: DataView = new DataView(
      bytes.buffer,
      bytes.byteOffset,
      bytes.byteLength,
    ),
  ) {
    this.bytes = bytes;
    this.start = position;
    this.position = position;
    this.end = end;
    this.#view = view;
  }

  /** Bytes not read yet. */
  get remaining(): number {
    return this.end - this.position;
  }

  /** unsigned int (RFC 4506 4.2). */
  uint32(): number {
    return this.#view.getUint32(this.#take(4));
  }

  /** int (RFC 4506 4.1). */
  int32(): number {
    return this.#view.getInt32(this.#take(4));
  }

  /** unsigned hyper (RFC 4506 4.5), exact. */
  uint64(): bigint {
    return this.#view.getBigUint64(this.#take(8));
  }

  /** hyper (RFC 4506 4.5), exact. */
  int64(): bigint {
    return this.#view.getBigInt64(this.#take(8));
  }

  /**
   * unsigned hyper as a number: exact up to 2^53 - 1, rounded above, where it
   * is larger than any offset or size that the server accepts.
   */
  uint64Number(): number {
    const at = this.#take(8);
    return this.#view.getUint32(at) * TWO_32 + this.#view.getUint32(at + 4);
  }

  /** bool (RFC 4506 4.4): 0 or 1, nothing else. */
  bool(): boolean {
    const value = this.uint32();
    if (value > 1) throw new XdrError(`bool is ${value}`);
    return value === 1;
  }

  /** Fixed-length opaque (RFC 4506 4.9) of `length` bytes: a view. */
  opaqueFixed(length: number): Uint8Array {
    const at = this.#take(length);
    this.#padding(length);
    return this.bytes.subarray(at, at + length);
  }

  /** Variable-length opaque (RFC 4506 4.10) of at most `maximum` bytes: a view. */
  opaque(maximum: number): Uint8Array {
    return this.opaqueFixed(this.#length(maximum));
  }

  /**
   * string (RFC 4506 4.11) of at most `maximum` bytes; not UTF-8 is an
   * {@linkcode XdrError}. Names whose encoding is the caller's business are
   * read with {@linkcode XdrReader.opaque}.
   */
  string(maximum: number): string {
    const bytes = this.opaque(maximum);
    try {
      return utf8.decode(bytes);
    } catch {
      throw new XdrError("string is not UTF-8");
    }
  }

  /** Variable-length array (RFC 4506 4.13) of at most `maximum` elements. */
  array<T>(maximum: number, element: (xdr: XdrReader) => T): T[] {
    const length = this.#length(maximum);
    const items: T[] = [];
    for (let i = 0; i < length; i++) items.push(element(this));
    return items;
  }

  /** Optional data (RFC 4506 4.19). */
  optional<T>(element: (xdr: XdrReader) => T): T | undefined {
    return this.bool() ? element(this) : undefined;
  }

  /** An enum or union discriminant (RFC 4506 4.3): one of 0 … `largest`. */
  discriminant(largest: number): number {
    const value = this.uint32();
    if (value > largest) {
      throw new XdrError(`discriminant ${value} of 0 to ${largest}`);
    }
    return value;
  }

  #length(maximum: number): number {
    const length = this.uint32();
    if (length > maximum) {
      throw new XdrError(`length ${length} above ${maximum}`);
    }
    return length;
  }

  #take(length: number): number {
    const at = this.position;
    if (length > this.end - at) {
      throw new XdrError(`${length} bytes wanted, ${this.end - at} left`);
    }
    this.position = at + length;
    return at;
  }

  // RFC 4506 section 3: the residual bytes are zero.
  #padding(length: number): void {
    const residue = -length & 3;
    if (residue === 0) return;
    const at = this.#take(residue);
    for (let i = 0; i < residue; i++) {
      if (this.bytes[at + i] !== 0) throw new XdrError("padding is not zero");
    }
  }
}
