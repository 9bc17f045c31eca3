import { isStatus, Status } from "../../nfs4/constants.ts";
import { isPart } from "../../vfs/named_attributes/attribute_parts.ts";
import { writeChangeInfo } from "../files/change_info.ts";
import { changing } from "../files/changing.ts";
import { readName } from "../files/names.ts";
import {
  changeXattr,
  checkXattrName,
  judgeXattrChange,
} from "../files/xattrs.ts";
import type { Operation } from "../operation.ts";

/** REMOVEXATTR (RFC 8276 8.4.4): the name, a view of the request. */
export const removexattr: Operation<Uint8Array, "removexattr"> = {
  decode: readName,

  *run(context, bytes) {
    const { file, reply } = context;
    const name = checkXattrName(bytes);
    if (isStatus(name)) return name;
    if (isPart(name)) return Status.NOXATTR;
    const judged = yield* judgeXattrChange(context);
    if (isStatus(judged)) return judged;
    const fs = changing(context, file);
    const change = yield* changeXattr(
      context,
      name,
      () => fs.removexattr(file.node, name, judged),
    );
    writeChangeInfo(reply, change);
    return Status.OK;
  },
};
