import type { Steps } from "../../../base/awaitable.ts";
import { emptyBitmap } from "../../../nfs4/bitmap.ts";
import { isStatus, Status, type StatusCode } from "../../../nfs4/constants.ts";
import { RIGHTS, type Rights, rightsOf } from "../../../vfs/wanted.ts";
import { attributesOfNew } from "../../../vfs/permissions.ts";
import { attributesSet } from "../../attributes/attributes_set.ts";
import { attributesOfNamed } from "../../files/named_file.ts";
import { changeFolder } from "../../files/change_folder.ts";
import { type ChangingContext, checkWritable } from "../../files/changing.ts";
import { checkFolder, statusOfRefusal } from "../../files/folder_access.ts";
import { checkNewList } from "../../files/new_list.ts";
import { limitMode } from "../../files/umask.ts";
import type { CreateHow } from "./args.ts";
import { HELD_BEFORE } from "./right.ts";
import { existingTarget, type OpenTarget } from "./target.ts";

/** Where {@linkcode createFile} makes a file: in the current filehandle. */
export interface Creation {
  /** Of the folder. */
  readonly folder: Rights;
  /** Name of the file. */
  readonly name: string;
  /** OPEN4_SHARE_ACCESS_* */
  readonly access: number;
  /** OPEN4_SHARE_DENY_* */
  readonly deny: number;
  /** Whether the name is taken: an exclusive create may have been sent again. */
  readonly exists: boolean;
}

/** Makes the file of an OPEN (RFC 8881 18.16.3, RFC 7530 16.16.5). */
export function* createFile(
  context: ChangingContext<"sometimes">,
  how: CreateHow,
  { folder, name, access, deny, exists }: Creation,
): Steps<OpenTarget | StatusCode> {
  const parent = context.file;
  const use = { attributes: folder, use: "add file" } as const;
  let status = checkWritable(parent, "create");
  if (status === Status.OK) status = checkFolder(context, parent, use);
  // A user who can't make it did not make it the first time either.
  if (status !== Status.OK) return exists ? Status.EXIST : status;
  const { changes, umask } = limitMode(how.attributes?.changes ?? {}, "file", {
    fs: parent.export.fs,
    folder,
  });
  status = checkNewList(changes, "file", folder);
  if (status !== Status.OK) return status;
  const { maxFileSize = Number.MAX_SAFE_INTEGER } = parent.export.fs.limits ??
    {};
  if (changes.size !== undefined && changes.size > maxFileSize) {
    return Status.FBIG;
  }
  const attributes = attributesOfNew(folder, context.callerOf(parent), {
    type: "file",
    changes,
    umask,
  });
  if (typeof attributes === "string") return statusOfRefusal(attributes);
  const verifier = how.mode === "exclusive" ? how.verifier.slice() : undefined;
  const made = yield* changeFolder(context, parent, {
    type: "create",
    name,
    kind: { type: "file" },
    options: { attributes, umask, verifier, judged: rightsOf(folder) },
  });
  if (isStatus(made)) return made;
  const file = context.services.namespace.refer(parent.export, made.node);
  const named = { folder: parent, name };
  if (!made.created) {
    // Verifiers are no secret: who is not let in by the file did not make it.
    const attributes = yield* attributesOfNamed(
      context,
      { file, ...named },
      RIGHTS,
    );
    const right = HELD_BEFORE;
    const opened = existingTarget(context, file, {
      attributes,
      access,
      deny,
      right,
    });
    if (isStatus(opened)) return Status.EXIST;
  }
  const { mode, uid, gid } = attributes;
  return {
    file,
    change: made.change,
    // The verifier is kept apart from the attributes, so EXCLUSIVE4 sets none.
    set: how.attributes
      ? attributesSet(how.attributes, attributes)
      : emptyBitmap,
    truncate: undefined,
    judged: undefined,
    named,
    made: made.created
      ? { mode, uid, gid, umask, size: changes.size ?? 0 }
      : undefined,
  };
}
