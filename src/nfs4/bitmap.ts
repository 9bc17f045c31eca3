import type { XdrReader } from "../xdr/reader.ts";
import type { XdrWriter } from "../xdr/writer.ts";

/** Words of a bitmap4 that are kept: attributes 0 to 95, more than RFC 7862 and 8276 define. */
const WORDS = 3;
/** Bitmaps that are remembered; clients ask for a handful. */
const MEMORY = 1024;
/** Bitmaps of which {@linkcode PerBitmap} remembers what was made. */
const MADE = 256;

/**
 * A bitmap4 (RFC 8881 3.2) of attribute numbers. Equal bitmaps are, as a rule,
 * one and the same object, so that what was made of a bitmap can be looked up by it.
 */
export class Bitmap {
  /** Attributes 0 to 31. */
  readonly word0: number;
  /** Attributes 32 to 63. */
  readonly word1: number;
  /** Attributes 64 to 95. */
  readonly word2: number;
  /** Whether a bit above 95 was set. */
  readonly beyond: boolean;

  private constructor(
    word0: number,
    word1: number,
    word2: number,
    beyond: boolean,
  ) {
    this.word0 = word0;
    this.word1 = word1;
    this.word2 = word2;
    this.beyond = beyond;
  }

  static #known = new Map<number, Bitmap[]>();
  static #count = 0;

  /** The bitmap with these words. */
  static of(word0: number, word1 = 0, word2 = 0, beyond = false): Bitmap {
    const hash = (Math.imul(word0, 31) ^ Math.imul(word1, 17) ^ word2) &
      0x3fffffff;
    const bucket = Bitmap.#known.get(hash);
    if (bucket !== undefined) {
      for (const bitmap of bucket) {
        const same = bitmap.word0 === word0 && bitmap.word1 === word1 &&
          bitmap.word2 === word2 && bitmap.beyond === beyond;
        if (same) return bitmap;
      }
    }
    const bitmap = new Bitmap(word0, word1, word2, beyond);
    // A client that invents bitmaps makes us start over, not grow.
    if (Bitmap.#count++ === MEMORY) {
      Bitmap.#known = new Map();
      Bitmap.#count = 1;
    }
    const kept = Bitmap.#known.get(hash);
    if (kept === undefined) Bitmap.#known.set(hash, [bitmap]);
    else kept.push(bitmap);
    return bitmap;
  }

  /** The bitmap of these attribute numbers, each 0 to 95. */
  static ofNumbers(numbers: Iterable<number>): Bitmap {
    const words: [number, number, number] = [0, 0, 0];
    for (const number of numbers) words[number >> 5]! |= 1 << (number & 31);
    return Bitmap.of(words[0] >>> 0, words[1] >>> 0, words[2] >>> 0);
  }

  /** Whether no bit is set. */
  get isEmpty(): boolean {
    return (this.word0 | this.word1 | this.word2) === 0 && !this.beyond;
  }

  /** Whether the bit of an attribute of 0 to 95 is set. */
  has(number: number): boolean {
    return (this.#word(number >> 5) & 1 << (number & 31)) !== 0;
  }

  /** Whether a bit is set both here and in `other`. */
  meets(other: Bitmap): boolean {
    return (this.word0 & other.word0 | this.word1 & other.word1 |
      this.word2 & other.word2) !== 0;
  }

  /** The bits that are set here and in `other`. */
  and(other: Bitmap): Bitmap {
    return Bitmap.of(
      (this.word0 & other.word0) >>> 0,
      (this.word1 & other.word1) >>> 0,
      (this.word2 & other.word2) >>> 0,
    );
  }

  /** The bits that are set here and not in `other`. */
  without(other: Bitmap): Bitmap {
    return Bitmap.of(
      (this.word0 & ~other.word0) >>> 0,
      (this.word1 & ~other.word1) >>> 0,
      (this.word2 & ~other.word2) >>> 0,
      this.beyond,
    );
  }

  /** The numbers of the set bits up to 95, ascending. */
  *numbers(): Generator<number> {
    for (let number = 0; number < WORDS * 32; number++) {
      if (this.has(number)) yield number;
    }
  }

  #word(index: number): number {
    return index === 0 ? this.word0 : index === 1 ? this.word1 : this.word2;
  }
}

/** What is made of a bitmap, once for as long as clients ask for few different ones. */
export class PerBitmap<T> {
  readonly #make: (bitmap: Bitmap) => T;
  readonly #made = new Map<Bitmap, T>();

  /** `make` must not return `undefined`. */
  constructor(make: (bitmap: Bitmap) => T) {
    this.#make = make;
  }

  /** What was, or is now, made of it. */
  get(bitmap: Bitmap): T {
    let made = this.#made.get(bitmap);
    if (made === undefined) {
      if (this.#made.size === MADE) this.#made.clear();
      this.#made.set(bitmap, made = this.#make(bitmap));
    }
    return made;
  }
}

/** No attribute at all. */
export const emptyBitmap: Bitmap = Bitmap.of(0);

/** Reads a bitmap4 of any length. */
export function readBitmap(xdr: XdrReader): Bitmap {
  const words = xdr.uint32();
  const word0 = words > 0 ? xdr.uint32() : 0;
  const word1 = words > 1 ? xdr.uint32() : 0;
  const word2 = words > 2 ? xdr.uint32() : 0;
  let beyond = false;
  // Each word is read from the message, so a false count ends with the message.
  for (let i = WORDS; i < words; i++) {
    if (xdr.uint32() !== 0) beyond = true;
  }
  return Bitmap.of(word0, word1, word2, beyond);
}

/** Writes a bitmap4 without trailing words of zero. */
export function writeBitmap(xdr: XdrWriter, bitmap: Bitmap): void {
  const { word0, word1, word2 } = bitmap;
  const words = word2 !== 0 ? 3 : word1 !== 0 ? 2 : word0 !== 0 ? 1 : 0;
  xdr.uint32(words);
  if (words > 0) xdr.uint32(word0);
  if (words > 1) xdr.uint32(word1);
  if (words > 2) xdr.uint32(word2);
}
