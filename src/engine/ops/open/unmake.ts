import { type Steps, wait } from "../../../base/awaitable.ts";
import { Status } from "../../../nfs4/constants.ts";
import type { FileRef } from "../../../vfs/file_handle.ts";
import type { FileAttributes } from "../../../vfs/file_system.ts";
import { rightsAnd, rightsOf } from "../../../vfs/wanted.ts";
import { attributesOf } from "../../files/attributes_of.ts";
import { changeFolder } from "../../files/change_folder.ts";
import { type ChangingContext, checkWritable } from "../../files/changing.ts";
import type { Made, OpenTarget } from "./target.ts";

/** What tells whether another client has changed a file that it has found. */
const OF_MADE = rightsAnd("size", "nlink");

/**
 * Takes back the file that an OPEN has made and could not open: what was refused
 * has changed nothing. It stays where another client has found it by now, and has
 * it open, or has changed it while the OPEN waited.
 */
export function* unmake(
  context: ChangingContext<"sometimes">,
  { file, named, made }: OpenTarget,
): Steps<void> {
  if (made === undefined || named === undefined) return;
  const { folder, name } = named;
  if (checkWritable(folder, "remove") !== Status.OK) return;
  const { state, namespace } = context.services;
  try {
    const node = yield* wait(folder.export.fs.lookup(folder.node, name));
    const found = node && namespace.refer(folder.export, node);
    if (found?.key !== file.key) return;
    if (yield* hasXattrs(found)) return;
    const now = yield* wait(attributesOf(found, OF_MADE));
    if (!isAsMade(now, made) || state.files.get(file)) return;
    const attributes = rightsOf(now);
    const entry = { file: found, attributes, isLastName: true };
    const judged = undefined;
    const act = { type: "remove", name, entry, judged } as const;
    yield* changeFolder(context, folder, act);
  } catch {
    // The answer is the refusal, whatever becomes of the file.
  }
}

/** Of times nothing is said: a file that is nothing else than touched is lost by none. */
function isAsMade(
  now: Pick<FileAttributes, "mode" | "uid" | "gid" | "size" | "nlink">,
  { mode, uid, gid, size, umask = 0 }: Made,
): boolean {
  return (now.mode | umask) === (mode | umask) && now.uid === uid &&
    now.gid === gid && now.size === size && now.nlink === 1;
}

function* hasXattrs({ node, export: { fs } }: FileRef): Steps<boolean> {
  if (fs.listxattrs === undefined) return false;
  return (yield* wait(fs.listxattrs(node))).length > 0;
}
