import { type Awaitable, chain } from "../../base/awaitable.ts";
import { isStatus, Status, type StatusCode } from "../../nfs4/constants.ts";
import { refuseRemoval } from "../../vfs/permissions.ts";
import { changing, type ChangingContext } from "../files/changing.ts";
import { writeChangeInfo } from "../files/change_info.ts";
import { FileUse } from "../locking/conflicts.ts";
import {
  checkNameChange,
  type Entry,
  findEntry,
  type Folder,
  openFolder,
} from "../files/entries.ts";
import { checkName, readName } from "../files/names.ts";
import type { Operation } from "../operation.ts";

/** REMOVE (RFC 8881 18.25, RFC 7530 16.26): the name, a view of the request. */
export const remove: Operation<Uint8Array, "remove"> = {
  decode: readName,

  run(context, bytes) {
    const { file } = context;
    const name = checkName(bytes, file.export.fs.limits);
    if (isStatus(name)) return name;
    return chain(openFolder(context, file), (folder) => {
      if (isStatus(folder)) return folder;
      return chain(findEntry(context, folder, name), (entry) => {
        return entry === undefined
          ? Status.NOENT
          : removeEntry(context, { folder, name, entry });
      });
    });
  },
};

function removeEntry(
  context: ChangingContext<"remove">,
  { folder, name, entry }: {
    readonly folder: Folder;
    readonly name: string;
    readonly entry: Entry;
  },
): Awaitable<StatusCode> {
  const { file } = folder;
  const refusal = refuseRemoval(
    folder.attributes,
    entry.attributes,
    context.callerOf(file),
  );
  // RFC 8881 15.2, RFC 7530 13.2: also of a sticky folder, for there is no NFS4ERR_PERM.
  if (refusal !== undefined) return Status.ACCESS;
  const status = checkNameChange(context, entry, FileUse.REMOVE);
  if (status !== Status.OK) return status;
  return chain(changing(context, file).remove(file.node, name), (change) => {
    if (entry.isLastName) context.services.namespace.forget(entry.file);
    writeChangeInfo(context.reply, change);
    return Status.OK;
  });
}
