import { wait } from "../../base/awaitable.ts";
import { isStatus, Status } from "../../nfs4/constants.ts";
import { refuseRemoval } from "../../vfs/permissions.ts";
import { changeFolder } from "../files/change_folder.ts";
import { writeChangeInfo } from "../files/change_info.ts";
import { entryNamed } from "../files/entries.ts";
import { checkFolder } from "../files/folder_access.ts";
import { checkName, readName } from "../files/names.ts";
import type { Operation } from "../operation.ts";
import { RIGHTS, rightsOf } from "../../vfs/wanted.ts";
import { attributesOf } from "../files/attributes_of.ts";

/** REMOVE (RFC 8881 18.25, RFC 7530 16.26): the name, a view of the request. */
export const remove: Operation<Uint8Array, "remove"> = {
  decode: readName,

  *run(context, bytes) {
    const { file: folder, reply, services: { namespace } } = context;
    const { fs } = folder.export;
    const name = checkName(bytes, fs.limits);
    if (isStatus(name)) return name;
    const attributes = yield* wait(attributesOf(folder, RIGHTS));
    const status = checkFolder(context, folder, { attributes, use: "search" });
    if (status !== Status.OK) return status;
    const node = yield* wait(fs.lookup(folder.node, name));
    if (node === undefined) return Status.NOENT;
    const file = namespace.refer(folder.export, node);
    const entry = yield* entryNamed(context, { file, folder, name });
    const caller = context.callerOf(folder);
    const refusal = refuseRemoval(attributes, entry.attributes, caller);
    // RFC 8881 15.2, RFC 7530 13.2: also of a sticky folder, for there is no NFS4ERR_PERM.
    if (refusal !== undefined) return Status.ACCESS;
    const judged = rightsOf(attributes);
    const act = { type: "remove", name, entry, judged } as const;
    const change = yield* changeFolder(context, folder, act);
    if (isStatus(change)) return change;
    writeChangeInfo(reply, change);
    return Status.OK;
  },
};
