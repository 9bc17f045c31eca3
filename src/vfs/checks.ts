import { FsError } from "./errors.ts";
import type {
  DirectoryEntry,
  DirectoryPage,
  ReadResult,
} from "./file_system.ts";

/** Largest cookie of an entry. */
export const MAX_COOKIE: number = 2 ** 52;

/**
 * Has a file system say of itself that `read` fills its target to the last byte
 * that it counts, as every back end here does. Of others nobody knows: their
 * targets are zeroed before, or they would show what was in the memory.
 */
export const fillsTargets: unique symbol = Symbol("fills targets");

/** Makes the target of a `read` ready: whatever is not filled is zero. */
export function prepareTarget(fs: object, target: Uint8Array): void {
  if (!(fillsTargets in fs)) target.fill(0);
}

/** The bytes that a `read` put into a target of that length; FsError "io" when it can't tell. */
export function bytesRead({ bytes }: ReadResult, length: number): number {
  if (!Number.isInteger(bytes) || bytes < 0) {
    throw new FsError("io", `read of ${bytes} bytes`);
  }
  return Math.min(bytes, length);
}

/** Whether an entry has a name that a client can ask for. */
export function hasName({ name }: DirectoryEntry<object>): boolean {
  return typeof name === "string" && name !== "" && name !== "." &&
    name !== ".." && !name.includes("/") && !name.includes("\0");
}

/**
 * Throws FsError "io" for a page of a folder that a listing can't go on behind:
 * cookies that are none, or that lead back to where it was asked for.
 */
export function checkPage(
  { entries }: DirectoryPage<object>,
  after: number,
): void {
  for (const { cookie } of entries) {
    if (!Number.isInteger(cookie) || cookie < 1 || cookie > MAX_COOKIE) {
      throw new FsError("io", `cookie ${cookie}`);
    }
  }
  if (entries.length > 0 && entries[entries.length - 1].cookie === after) {
    throw new FsError("io", `cookie ${after} leads nowhere`);
  }
}

/** The target of a symlink; FsError "io" when it is none. */
export function linkTarget(target: string): string {
  if (typeof target !== "string" || target === "" || target.includes("\0")) {
    throw new FsError("io", "target of a symlink");
  }
  return target;
}
