import type { FileSystem } from "./file_system.ts";

/** The methods of a {@linkcode FileSystem} that change what a client sees. */
export type ChangeMethod =
  | "setattr"
  | "write"
  | "allocate"
  | "deallocate"
  | "setxattr"
  | "removexattr"
  | "clone"
  | "create"
  | "link"
  | "remove"
  | "rename";

/** A file system without them: what an export shows of it. */
export type ReadableFileSystem = Omit<FileSystem, ChangeMethod>;

/** Whether a file system has a method that changes something. */
export function hasMethod(
  fs: ReadableFileSystem,
  method: ChangeMethod,
): boolean {
  return (fs as FileSystem)[method] !== undefined;
}
