import { wait } from "../../base/awaitable.ts";
import { isStatus, Status } from "../../nfs4/constants.ts";
import { changeFolder } from "../files/change_folder.ts";
import { writeChangeInfo } from "../files/change_info.ts";
import { checkFolder } from "../files/folder_access.ts";
import { checkName, readName } from "../files/names.ts";
import type { Operation } from "../operation.ts";
import { refuseLink } from "../../vfs/permissions.ts";
import { RIGHTS, rightsOf } from "../../vfs/wanted.ts";
import { attributesOf } from "../files/attributes_of.ts";

/** LINK (RFC 8881 18.9, RFC 7530 16.9): the new name, a view of the request. */
export const link: Operation<Uint8Array, "link"> = {
  decode: readName,

  *run(context, bytes) {
    const { saved, file: folder, reply } = context;
    if (saved === undefined) return Status.NOFILEHANDLE;
    const { fs } = folder.export;
    const name = checkName(bytes, fs.limits);
    if (isStatus(name)) return name;
    const attributes = yield* wait(attributesOf(folder, RIGHTS));
    const status = checkFolder(context, folder, {
      attributes,
      use: "add file",
    });
    if (status !== Status.OK) return status;
    const judged = rightsOf(attributes);
    const linked = yield* wait(attributesOf(saved, RIGHTS));
    // RFC 8881 15.2, RFC 7530 13.2: NFS4ERR_ISDIR is for what is linked.
    if (linked.type === "directory") return Status.ISDIR;
    // RFC 8881 18.9.4: on another file system, which its fsid tells.
    if (saved.export !== folder.export) return Status.XDEV;
    // The host would keep its users from it; elsewhere POSIX has no such rule.
    const isHosts = fs.folder?.isShown ?? false;
    const caller = context.callerOf(saved);
    // RFC 8881 15.2, RFC 7530 13.2: there is no NFS4ERR_PERM.
    if (isHosts && refuseLink(linked, caller)) return Status.ACCESS;
    const act = { type: "link", name, file: saved, judged } as const;
    const change = yield* changeFolder(context, folder, act);
    if (isStatus(change)) return change;
    writeChangeInfo(reply, change);
    return Status.OK;
  },
};
