import { isStatus, Status } from "../../nfs4/constants.ts";
import type { SetXattrOption } from "../../vfs/file_system.ts";
import { isPart } from "../../vfs/named_attributes/attribute_parts.ts";
import { MAX_XATTR_VALUE } from "../../vfs/xattrs.ts";
import { writeChangeInfo } from "../files/change_info.ts";
import { changing } from "../files/changing.ts";
import { readName } from "../files/names.ts";
import {
  changeXattr,
  checkXattrName,
  judgeXattrChange,
} from "../files/xattrs.ts";
import type { Operation } from "../operation.ts";

/** Arguments of SETXATTR. */
export interface SetxattrArgs {
  /** Whether it may make the attribute, and replace it. */
  readonly option: SetXattrOption;
  /** Name of the attribute, a view of the request. */
  readonly name: Uint8Array;
  /** Its value, a view of the request. */
  readonly value: Uint8Array;
}

/** setxattr_option4. */
const OPTIONS = ["either", "create", "replace"] as const;

/** SETXATTR (RFC 8276 8.4.2). */
export const setxattr: Operation<SetxattrArgs, "setxattr"> = {
  decode: (xdr) => ({
    option: OPTIONS[xdr.discriminant(OPTIONS.length - 1)]!,
    name: readName(xdr),
    value: xdr.opaque(xdr.remaining),
  }),

  *run(context, { option, name: bytes, value }) {
    const { file, reply } = context;
    const name = checkXattrName(bytes);
    if (isStatus(name)) return name;
    if (value.length > MAX_XATTR_VALUE) return Status.XATTR2BIG;
    // What is ours alone is no client's to set.
    if (isPart(name)) return Status.PERM;
    const judged = yield* judgeXattrChange(context);
    if (isStatus(judged)) return judged;
    // What is kept is a copy: others' requests lie in the same memory.
    const kept = value.slice();
    const fs = changing(context, file);
    const change = yield* changeXattr(
      context,
      name,
      () => fs.setxattr(file.node, name, kept, option, judged),
    );
    writeChangeInfo(reply, change);
    return Status.OK;
  },
};
