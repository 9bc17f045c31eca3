import type { FileAttributes, WantedAttributes } from "../vfs/file_system.ts";
import { ATTRIBUTES } from "./attributes.ts";
import type { Bitmap } from "./bitmap.ts";

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

/** What has to be known of a file to write, or to compare, the requested attributes. */
export function wantedBy(requested: Bitmap): WantedAttributes {
  const wanted: Record<keyof FileAttributes, boolean> = { ...NOTHING };
  for (const number of requested.numbers()) {
    for (const name of ATTRIBUTES[number]?.reads ?? []) wanted[name] = true;
  }
  return wanted;
}
