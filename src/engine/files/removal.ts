import { type Steps, wait } from "../../base/awaitable.ts";
import { Status, type StatusCode } from "../../nfs4/constants.ts";
import type { FileRef } from "../../vfs/file_handle.ts";
import { refuseRemoval } from "../../vfs/permissions.ts";
import { RIGHTS, rightsOf } from "../../vfs/wanted.ts";
import type { CompoundContext } from "../context.ts";
import { attributesOf } from "./attributes_of.ts";
import type { Removal } from "./change_folder.ts";
import { entryNamed } from "./entries.ts";
import { checkFolder } from "./folder_access.ts";

/** What takes a name from a folder, where the caller may; else why it can't. */
export function* removalOf(
  context: CompoundContext,
  folder: FileRef,
  name: string,
): Steps<Removal | StatusCode> {
  const { namespace } = context.services;
  const { fs } = folder.export;
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
  return { type: "remove", name, entry, judged: rightsOf(attributes) };
}
