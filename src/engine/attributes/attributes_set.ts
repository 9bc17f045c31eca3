import { Bitmap } from "../../nfs4/bitmap.ts";
import type { SetAttributes } from "../../nfs4/set_attributes.ts";

/** owner_group. */
const GROUP = Bitmap.ofNumbers([37]);

/**
 * What attrset names of what was made with these attributes: all that was asked
 * for, but the group where the folder has handed on another (RFC 8881 18.4.3). A
 * client that wants it all the same sets it then, as it would on the host.
 */
export function attributesSet(
  { requested, changes }: SetAttributes,
  made: { readonly gid: number },
): Bitmap {
  const isOther = changes.gid !== undefined && changes.gid !== made.gid;
  return isOther ? requested.without(GROUP) : requested;
}
