import type { FileAttributes, WantedAttributes } from "./attributes.ts";

const NOTHING: WantedAttributes = {
  type: false,
  mode: false,
  nlink: false,
  uid: false,
  gid: false,
  size: false,
  used: false,
  fileid: false,
  rdev: false,
  change: false,
  atime: false,
  mtime: false,
  ctime: false,
  birthtime: false,
};

/** These attributes are wanted, and no others. */
export function wantedOnly(
  names: Iterable<keyof FileAttributes>,
): WantedAttributes {
  const wanted: Record<keyof FileAttributes, boolean> = { ...NOTHING };
  for (const name of names) wanted[name] = true;
  return wanted;
}

/** What tells who may do what to a file. */
export type Rights = Pick<FileAttributes, "type" | "mode" | "uid" | "gid">;

/** {@linkcode Rights} are wanted. */
export const RIGHTS: WantedAttributes = wantedOnly([
  "type",
  "mode",
  "uid",
  "gid",
]);

/** The type alone is wanted. */
export const TYPE: WantedAttributes = wantedOnly(["type"]);
