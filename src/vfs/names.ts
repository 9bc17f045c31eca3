import { decodeRaw, encodeRaw } from "../base/raw_names.ts";
import type { FileSystemLimits } from "./file_system.ts";

/*
 * What a name, or the target of a symlink, may be: the same for those that
 * clients ask for and those that file systems return.
 */

/** Longest name in bytes where the file system does not say. */
export const DEFAULT_MAX_NAME = 255;

/** Longest target of a symlink in bytes, as PATH_MAX of most systems. */
export const MAX_TARGET = 4096;

/** Whether a file system takes a name, or the target of a symlink, that may be no UTF-8. */
export function isTaken(name: string, limits?: FileSystemLimits): boolean {
  return name.isWellFormed() || limits?.rawNames === true;
}

/** Whether a client can ask for an entry of that name. */
export function isName(name: unknown, limits?: FileSystemLimits): boolean {
  return isText(name, limits?.maxName ?? DEFAULT_MAX_NAME, limits) &&
    name !== "." && name !== ".." && !name.includes("/");
}

/** Whether a client can make a symlink with that target. */
export function isTarget(target: unknown, limits?: FileSystemLimits): boolean {
  return isText(target, MAX_TARGET, limits);
}

function isText(
  text: unknown,
  most: number,
  limits?: FileSystemLimits,
): text is string {
  // The length first: the rest is work in proportion to it.
  return typeof text === "string" && text !== "" && text.length <= most &&
    !text.includes("\0") && isTaken(text, limits) && isShort(text, most);
}

/** Whether it goes out as so many bytes, and comes in again as the same text. */
function isShort(text: string, most: number): boolean {
  const isUtf8 = text.isWellFormed();
  // No unit of UTF-16 takes more than three bytes of UTF-8.
  if (isUtf8 && text.length * 3 <= most) return true;
  const bytes = encodeRaw(text);
  return bytes.length <= most && (isUtf8 || decodeRaw(bytes) === text);
}
