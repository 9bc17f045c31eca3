/**
 * Names of a host that are no UTF-8: a byte that belongs to no character is a
 * lone surrogate in the string, U+DC80 for 0x80 to U+DCFF for 0xff. No UTF-8
 * has those, so every name keeps its bytes, and two names stay two.
 *
 * @module
 */

const ESCAPE = 0xdc00;

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
const encoder = new TextEncoder();

/** The bytes as a string; {@linkcode encodeRaw} makes the same bytes of it. */
export function decodeRaw(bytes: Uint8Array): string {
  try {
    return utf8.decode(bytes);
  } catch {
    let text = "";
    for (let at = 0; at < bytes.length;) {
      const length = lengthOfCharacter(bytes, at);
      text += length === 0
        ? String.fromCharCode(ESCAPE | bytes[at]!)
        : utf8.decode(bytes.subarray(at, at + length));
      at += length || 1;
    }
    return text;
  }
}

/** A string as UTF-8, and what {@linkcode decodeRaw} could not read as the bytes that it was. */
export function encodeRaw(text: string): Uint8Array<ArrayBuffer> {
  if (text.isWellFormed()) return encoder.encode(text);
  const bytes: number[] = [];
  for (const character of text) {
    // Of a pair, this is the first half.
    const unit = character.charCodeAt(0);
    if (unit >= 0xdc80 && unit <= 0xdcff) bytes.push(unit & 0xff);
    else bytes.push(...encoder.encode(character));
  }
  return Uint8Array.from(bytes);
}

/** Bytes of the character that starts there; 0 when none does (RFC 3629 4). */
function lengthOfCharacter(bytes: Uint8Array, at: number): number {
  const first = bytes[at]!;
  if (first < 0x80) return 1;
  const length = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
  try {
    const character = bytes.subarray(at, at + length);
    return utf8.decode(character).length > 0 ? length : 0;
  } catch {
    return 0;
  }
}
