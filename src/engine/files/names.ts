import { Status, type StatusCode } from "../../nfs4/constants.ts";
import { decodeRaw, encodeRaw } from "../../base/raw_names.ts";
import type { FileSystemLimits } from "../../vfs/file_system.ts";
import { DEFAULT_MAX_NAME, isTaken } from "../../vfs/names.ts";
import type { XdrReader } from "../../xdr/reader.ts";
import type { XdrWriter } from "../../xdr/writer.ts";

const SLASH = 0x2f;
const DOT = 0x2e;

/**
 * Names that were asked for lately, by hash of their bytes. A string that is
 * made once keeps its own hash, which is what a file system's Map looks it up by.
 */
const recent: string[] = new Array(4096).fill("");

/** Reads a component4: a view of the message, whose length {@linkcode checkName} judges. */
export function readName(xdr: XdrReader): Uint8Array {
  return xdr.opaque(xdr.remaining);
}

/**
 * A name off the wire as a string, or the status that refuses it: what a file
 * system gets is UTF-8, unless it takes any bytes (`rawNames`), of 1 to `maxName` bytes, without "/" and NUL, and
 * neither "." nor "..".
 */
export function checkName(
  bytes: Uint8Array,
  limits?: FileSystemLimits,
): string | StatusCode {
  const length = bytes.length;
  // RFC 8881 15.1.7, RFC 7530 13.1.7: a name has at least one byte.
  if (length === 0) return Status.INVAL;
  if (length > (limits?.maxName ?? DEFAULT_MAX_NAME)) return Status.NAMETOOLONG;
  let hash = 0;
  for (let i = 0; i < length; i++) {
    const byte = bytes[i]!;
    if (byte > 0x7f) return checkUnicode(bytes, limits);
    // RFC 8881 14.5, RFC 7530 12.7: valid UTF-8, but no character of a name here.
    if (byte === SLASH || byte === 0) return Status.BADCHAR;
    hash = Math.imul(hash, 31) + byte | 0;
  }
  // RFC 8881 14.5, RFC 7530 12.7: "." and ".." are names that can't be used.
  if (bytes[0] === DOT && (length === 1 || length === 2 && bytes[1] === DOT)) {
    return Status.BADNAME;
  }
  const slot = (hash ^ hash >>> 12) & 4095;
  const known = recent[slot]!;
  if (isSame(known, bytes)) return known;
  return recent[slot] = String.fromCharCode.apply(
    null,
    bytes as unknown as number[],
  );
}

function isSame(text: string, bytes: Uint8Array): boolean {
  if (text.length !== bytes.length) return false;
  for (let i = 0; i < bytes.length; i++) {
    if (text.charCodeAt(i) !== bytes[i]) return false;
  }
  return true;
}

function checkUnicode(
  bytes: Uint8Array,
  limits?: FileSystemLimits,
): string | StatusCode {
  const name = decodeRaw(bytes);
  // RFC 8881 14.5, RFC 7530 12.7: not UTF-8 is NFS4ERR_INVAL.
  if (!isTaken(name, limits)) return Status.INVAL;
  return /[/\0]/.test(name) ? Status.BADCHAR : name;
}

/** Writes a name, or the target of a symlink, with the bytes that it has on the host. */
export function writeName(xdr: XdrWriter, name: string): void {
  if (name.isWellFormed()) xdr.string(name);
  else xdr.opaque(encodeRaw(name));
}
