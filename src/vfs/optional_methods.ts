import type { FileSystem } from "./file_system.ts";

/** What a file system may be without, and is a method. */
export type OptionalMethod = {
  [Name in keyof FileSystem]-?: undefined extends FileSystem[Name]
    ? NonNullable<FileSystem[Name]> extends (...args: never[]) => unknown ? Name
    : never
    : never;
}[keyof FileSystem];

/**
 * Whether `CheckedFileSystem` is without it where the file system is; one that is
 * forgotten here does not compile.
 */
export const OPTIONAL: Readonly<Record<OptionalMethod, boolean>> = {
  readlink: true,
  status: true,
  open: true,
  close: true,
  preserveUnlinked: true,
  setattr: true,
  write: true,
  getxattr: true,
  listxattrs: true,
  setxattr: true,
  removexattr: true,
  commit: true,
  allocate: true,
  deallocate: true,
  clone: true,
  seek: true,
  create: true,
  link: true,
  remove: true,
  rename: true,
  settle: true,
  watch: true,
  guard: true,
  guardFolder: true,
  place: true,
  dispose: true,
  // There is always an answer: calls that have not returned are a failure too.
  failure: false,
};
