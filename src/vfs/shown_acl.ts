import { accessListHolder, type Listed } from "./access_list.ts";
import type { Ace } from "./acl.ts";
import { acesOfMode } from "./acl_mode.ts";
import type { FileAttributes } from "./attributes.ts";

/** The access list that clients are shown: the file's own, or what its mode says (RFC 8881 6.4.2). Throws FsError. */
export function shownAces(
  attributes: Pick<FileAttributes, "type" | "mode"> & Listed,
): readonly Ace[] {
  const { type, mode } = attributes;
  return attributes[accessListHolder]?.aces?.() ?? acesOfMode(mode, type);
}
