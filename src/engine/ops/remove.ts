import { isStatus, Status } from "../../nfs4/constants.ts";
import { changeFolder } from "../files/change_folder.ts";
import { writeChangeInfo } from "../files/change_info.ts";
import { removeHidden } from "../files/hidden_entries.ts";
import { checkName, readName } from "../files/names.ts";
import { removalOf } from "../files/removal.ts";
import type { Operation } from "../operation.ts";

/** REMOVE (RFC 8881 18.25, RFC 7530 16.26): the name, a view of the request. */
export const remove: Operation<Uint8Array, "remove"> = {
  decode: readName,

  *run(context, bytes) {
    const { file: folder, reply } = context;
    const name = checkName(bytes, folder.export.fs.limits);
    if (isStatus(name)) return name;
    const act = yield* removalOf(context, folder, name);
    if (isStatus(act)) return act;
    const status = yield* removeHidden(context, act.entry);
    if (status !== Status.OK) return status;
    const change = yield* changeFolder(context, folder, act);
    if (isStatus(change)) return change;
    writeChangeInfo(reply, change);
    return Status.OK;
  },
};
