import { chain } from "../../base/awaitable.ts";
import { isStatus, Status } from "../../nfs4/constants.ts";
import { changing } from "../files/changing.ts";
import { writeChangeInfo } from "../files/change_info.ts";
import { checkDelegations, FileUse } from "../locking/conflicts.ts";
import { checkFolder } from "../files/folder_access.ts";
import { checkName, readName } from "../files/names.ts";
import type { Operation } from "../operation.ts";

/** LINK (RFC 8881 18.9, RFC 7530 16.9): the new name, a view of the request. */
export const link: Operation<Uint8Array, "link"> = {
  decode: readName,

  run(context, bytes) {
    const { saved, file: folder } = context;
    if (saved === undefined) return Status.NOFILEHANDLE;
    const { fs } = folder.export;
    const name = checkName(bytes, fs.limits);
    if (isStatus(name)) return name;
    return chain(fs.getattr(folder.node), (attributes) => {
      const status = checkFolder(context, folder, {
        attributes,
        use: "change",
      });
      if (status !== Status.OK) return status;
      return chain(saved.export.fs.getattr(saved.node), ({ type }) => {
        // RFC 8881 15.2, RFC 7530 13.2: NFS4ERR_ISDIR is for what is linked.
        if (type === "directory") return Status.ISDIR;
        // RFC 8881 18.9.4: on another file system, which its fsid tells.
        if (saved.export !== folder.export) return Status.XDEV;
        // RFC 8881 18.9.4: numlinks changes, which a delegation forbids.
        const delegations = checkDelegations(
          context,
          saved,
          FileUse.LINK,
        );
        if (delegations !== Status.OK) return delegations;
        const linked = changing(context, folder)
          .link(saved.node, folder.node, name);
        return chain(linked, (change) => {
          writeChangeInfo(context.reply, change);
          return Status.OK;
        });
      });
    });
  },
};
