import { attempt, type Awaitable, chain } from "../../../base/awaitable.ts";
import { Bitmap } from "../../../nfs4/bitmap.ts";
import { isStatus, Status, type StatusCode } from "../../../nfs4/constants.ts";
import { FsError } from "../../../vfs/errors.ts";
import type { FileAttributes } from "../../../vfs/file_system.ts";
import { checkSettable } from "../../attributes/attribute_source.ts";
import type { ChangingContext } from "../../files/changing.ts";
import { checkFolder } from "../../files/folder_access.ts";
import { checkName } from "../../files/names.ts";
import type { CreateHow } from "./args.ts";
import { createFile } from "./create.ts";
import { existingTarget, type OpenTarget } from "./target.ts";

/** attrset of an existing file that UNCHECKED4 truncated: size alone (RFC 8881 18.16.3). */
const SIZE = Bitmap.ofNumbers([4]);

/** An OPEN of a name in the folder that is the current filehandle. */
export interface NamedOpen {
  /** The name as it came. */
  readonly name: Uint8Array;
  /** OPEN4_SHARE_ACCESS_* */
  readonly access: number;
  /** How to create it, if at all. */
  readonly create: CreateHow | undefined;
}

/** Finds, or makes, the file of CLAIM_NULL and CLAIM_DELEGATE_CUR. */
export function openByName(
  context: ChangingContext<"sometimes">,
  open: NamedOpen,
): Awaitable<OpenTarget | StatusCode> {
  const folder = context.file;
  const { fs } = folder.export;
  return chain(fs.getattr(folder.node), (attributes) => {
    // RFC 8881 18.16.4, as with LOOKUP: a symlink on the way is the client's to follow.
    if (attributes.type === "symlink") return Status.SYMLINK;
    const use = { attributes, use: "search" } as const;
    const status = checkFolder(context, folder, use);
    if (status !== Status.OK) return status;
    const wanted = open.create?.attributes;
    if (wanted !== undefined) {
      const settable = checkSettable(context, folder, { attributes, wanted });
      if (settable !== Status.OK) return settable;
    }
    const name = checkName(open.name, fs.limits);
    if (isStatus(name)) return name;
    return chain(
      fs.lookup(folder.node, name),
      (node) => found(context, { ...open, attributes, checked: name, node }),
    );
  });
}

interface Found extends NamedOpen {
  /** Of the folder. */
  readonly attributes: FileAttributes;
  /** The name as a string. */
  readonly checked: string;
  /** What has the name now. */
  readonly node: object | undefined;
}

function found(
  context: ChangingContext<"sometimes">,
  open: Found,
): Awaitable<OpenTarget | StatusCode> {
  const { create, node, access, attributes: folder } = open;
  const existing = (node: object, truncate?: Bitmap) => {
    const { namespace } = context.services;
    const file = namespace.enter(context.file.export, node);
    return existingTarget(context, file, { access, folder, truncate });
  };
  if (create === undefined) {
    return node === undefined ? Status.NOENT : existing(node);
  }
  if (node !== undefined && create.mode === "unchecked") {
    // RFC 8881 18.16.3, RFC 7530 16.16.5: of the attributes only a size of zero counts.
    const cut = create.attributes.changes.size === 0;
    return existing(node, cut ? SIZE : undefined);
  }
  // RFC 8881 18.16.3, RFC 7530 16.16.5
  if (node !== undefined && create.mode === "guarded") return Status.EXIST;
  const { checked: name } = open;
  const creation = { folder, name, exists: node !== undefined };
  return attempt(() => createFile(context, create, creation), (error) => {
    const taken = FsError.from(error)?.code === "exists";
    if (!taken || create.mode !== "unchecked") throw error;
    // Somebody made it while we waited for the file system.
    const { export: { fs }, node: parent } = context.file;
    return chain(fs.lookup(parent, name), (node) => {
      if (node === undefined) throw error;
      return found(context, { ...open, node });
    });
  });
}
