import host from "node:fs";
import { openHostCalls } from "../../../src/backends/common/host_calls.ts";
import { cString } from "../../../src/backends/local/raw_calls.ts";
import { hasFfi, noFolder } from "./fixture.ts";

const Tag = { OWNER: 1, USER: 2, GROUP_OBJ: 4, MASK: 16, OTHER: 32 } as const;
/** A user that the list of {@linkcode entries} names, and one that it does not. */
export const NAMED: number = 70_001;
export const OTHER: number = 70_002;

/** Entries of a list: the owner's, the named user's, the group's, the mask, the others'. */
function entries(
  [owner, user, group, mask, other]: readonly number[],
): Uint8Array<ArrayBuffer> {
  const all = [
    [Tag.OWNER, owner, -1],
    [Tag.USER, user, NAMED],
    [Tag.GROUP_OBJ, group, -1],
    [Tag.MASK, mask, -1],
    [Tag.OTHER, other, -1],
  ] as const;
  const view = new DataView(new ArrayBuffer(4 + all.length * 8));
  view.setUint32(0, 2, true);
  for (const [i, [tag, bits, id]] of all.entries()) {
    view.setUint16(4 + i * 8, tag, true);
    view.setUint16(6 + i * 8, bits!, true);
    view.setUint32(8 + i * 8, id >>> 0, true);
  }
  return new Uint8Array(view.buffer);
}

/** Does on the host what setfacl(1) does; false where its file system has no lists. */
export function setList(
  path: string,
  bits: readonly number[],
  kind: "access" | "default" = "access",
): boolean {
  const calls = openHostCalls()!;
  const fd = host.openSync(path, "r");
  try {
    const name = cString(`system.posix_acl_${kind}`);
    const list = entries(bits);
    return calls.libc.fsetxattr(fd, name, list, BigInt(list.length), 0) === 0;
  } finally {
    host.closeSync(fd);
    calls.close();
  }
}

/** Whether lists can be set here. */
export function hasLists(): boolean {
  if (noFolder || !hasFfi) return false;
  const path = Deno.makeTempDirSync();
  try {
    return setList(path, [7, 7, 7, 7, 7]);
  } finally {
    Deno.removeSync(path);
  }
}
