/** A name of an extended attribute, and where a listing goes on behind it. */
export interface ListedXattr {
  readonly name: string;
  /** 1 to 2^52. */
  readonly cookie: number;
}

/**
 * Names of extended attributes in the order of their cookies. A cookie is a hash of
 * its name, so that a listing goes on where it was, whatever else has come and
 * gone since (RFC 8276 8.4.3.4). Of names with the same cookie, which only their maker
 * can bring about, one may be missed between two parts.
 */
export function listedAfter(
  names: readonly string[],
  cookie: number,
): ListedXattr[] {
  return names.map((name) => ({ name, cookie: cookieOf(name) }))
    .filter((each) => each.cookie > cookie)
    .sort((a, b) => a.cookie - b.cookie);
}

/** Two hashes of 26 bits, and one, as 0 is the start. */
function cookieOf(name: string): number {
  let [a, b] = [0x9e3779b9, 0x85ebca6b];
  for (let i = 0; i < name.length; i++) {
    a = Math.imul(a ^ name.charCodeAt(i), 0x01000193);
    b = Math.imul(b ^ name.charCodeAt(i), 0x5bd1e995);
    b ^= b >>> 13;
  }
  return (a >>> 6) * 0x400_0000 + (b >>> 6) + 1;
}
