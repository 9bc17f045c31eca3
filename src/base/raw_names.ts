/**
 * Names of a host that are no UTF-8: a byte that belongs to no character is a
 * lone surrogate in the string, U+DC80 for 0x80 to U+DCFF for 0xff. No UTF-8
 * has those, so every name keeps its bytes, and two names stay two.
 *
 * @module
 */

const ESCAPE = 0xdc00;
/** What a decoder puts in place of bytes that are no character. */
const REPLACEMENT = "\ufffd";
/** Units of a string that are made of numbers at a time. */
const AT_ONCE = 4096;

// One that throws would take a hundred times as long for bytes of a client's choice.
const utf8 = new TextDecoder("utf-8", { ignoreBOM: true });
const encoder = new TextEncoder();

/** The bytes as a string; {@linkcode encodeRaw} makes the same bytes of it. */
export function decodeRaw(bytes: Uint8Array): string {
  const text = utf8.decode(bytes);
  return text.includes(REPLACEMENT) ? decodeEach(bytes) : text;
}

/** A string as UTF-8, and what {@linkcode decodeRaw} could not read as the bytes that it was. */
export function encodeRaw(text: string): Uint8Array<ArrayBuffer> {
  if (text.isWellFormed()) return encoder.encode(text);
  const bytes = new Uint8Array(text.length * 3);
  let length = 0;
  for (const [run] of text.matchAll(/[\udc80-\udcff]+|[^\udc80-\udcff]+/gu)) {
    // Of a pair, this is the first half.
    const first = run.charCodeAt(0);
    if (first < 0xdc80 || first > 0xdcff) {
      length += encoder.encodeInto(run, bytes.subarray(length)).written;
    } else {
      for (let i = 0; i < run.length; i++) {
        bytes[length++] = run.charCodeAt(i) & 0xff;
      }
    }
  }
  return bytes.slice(0, length);
}

/** Character by character. */
function decodeEach(bytes: Uint8Array): string {
  let text = "";
  let units: number[] = [];
  for (let at = 0; at < bytes.length;) {
    const length = lengthOfCharacter(bytes, at);
    if (length > 1) {
      const point = pointOf(bytes, at, length);
      if (point < 0x1_0000) units.push(point);
      else {
        units.push(0xd7c0 + (point >>> 10), 0xdc00 | point & 0x3ff);
      }
    } else units.push(length === 0 ? ESCAPE | bytes[at]! : bytes[at]!);
    at += length || 1;
    if (units.length >= AT_ONCE) {
      text += String.fromCharCode(...units);
      units = [];
    }
  }
  return text + String.fromCharCode(...units);
}

/** Bytes of the character that starts there; 0 when none does (RFC 3629 4). */
function lengthOfCharacter(bytes: Uint8Array, at: number): number {
  const first = bytes[at]!;
  if (first < 0x80) return 1;
  // 0xc0 and 0xc1 would be longer forms of what a byte has room for.
  if (first < 0xc2 || first > 0xf4) return 0;
  const length = first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
  const second = bytes[at + 1] ?? 0;
  // Nor are longer forms of others characters, nor surrogates, nor what is past U+10FFFF.
  const least = first === 0xe0 ? 0xa0 : first === 0xf0 ? 0x90 : 0x80;
  const most = first === 0xed ? 0x9f : first === 0xf4 ? 0x8f : 0xbf;
  if (second < least || second > most) return 0;
  for (let i = 2; i < length; i++) {
    if (((bytes[at + i] ?? 0) & 0xc0) !== 0x80) return 0;
  }
  return length;
}

/** The character of two bytes or more that starts there. */
function pointOf(bytes: Uint8Array, at: number, length: number): number {
  let point = bytes[at]! & 0x7f >>> length;
  for (let i = 1; i < length; i++) point = point << 6 | bytes[at + i]! & 0x3f;
  return point;
}
