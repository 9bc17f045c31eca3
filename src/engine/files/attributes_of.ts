import type { Awaitable } from "../../base/awaitable.ts";
import type { FileAttributes } from "../../vfs/attributes.ts";
import type { FileRef } from "../../vfs/file_handle.ts";
import type { Wanted } from "../../vfs/wanted.ts";

/**
 * The wanted attributes of a file: the one way that an operation asks for any,
 * so that none reads what its file system need not have found out.
 */
export function attributesOf<Name extends keyof FileAttributes>(
  { node, export: { fs } }: FileRef,
  wanted: Wanted<Name>,
): Awaitable<Pick<FileAttributes, Name>> {
  return fs.getattr(node, wanted);
}
