import { encodeRaw } from "../../../base/raw_names.ts";
import { FsError } from "../../../vfs/mod.ts";
import { useWith, type XattrUse } from "../../common/xattrs.ts";
import type { PaxRecords } from "./decode.ts";

/** What the key of an extended attribute of users begins with, as star and GNU tar have it. */
const PREFIX = "SCHILY.xattr.user.";

/** Extended attributes by their names, which are without "user.". */
export type MemberXattrs = ReadonlyMap<string, Uint8Array>;

/** The key of an extended attribute; what ends a key, or would seem to, is written as GNU tar does. */
export function xattrKey(name: string): string {
  return PREFIX + name.replaceAll("%", "%25").replaceAll("=", "%3D");
}

/** Whether a record has an extended attribute that we keep: others are the business of a kernel. */
export function isXattrKey(key: string): boolean {
  return key.startsWith(PREFIX);
}

/** The extended attributes in the records of a member; `refused` is told the names of those that no store can hold. */
export function xattrsOf(
  records: PaxRecords,
  refused: (name: string) => void,
): MemberXattrs {
  const xattrs = new Map<string, Uint8Array>();
  let use: XattrUse = { count: 0, bytes: 0 };
  for (const [key, text] of records) {
    if (!isXattrKey(key)) continue;
    const name = key.slice(PREFIX.length)
      .replaceAll("%3D", "=").replaceAll("%25", "%");
    const value = encodeRaw(text);
    try {
      const made = { name, value, option: "either" } as const;
      use = useWith(use, made, xattrs.get(name));
      xattrs.set(name, value);
    } catch (error) {
      if (!(error instanceof FsError)) throw error;
      refused(name);
    }
  }
  return xattrs;
}
