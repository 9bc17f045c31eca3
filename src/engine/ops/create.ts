import { wait } from "../../base/awaitable.ts";
import { writeBitmap } from "../../nfs4/bitmap.ts";
import {
  isStatus,
  type MinorVersion,
  Status,
  type StatusCode,
} from "../../nfs4/constants.ts";
import {
  readSetAttributes,
  type SetAttributes,
} from "../../nfs4/set_attributes.ts";
import type { CreateKind, CreateOptions } from "../../vfs/file_system.ts";
import { decodeRaw } from "../../base/raw_names.ts";
import { attributesOfNew } from "../../vfs/permissions.ts";
import { isTaken, MAX_TARGET } from "../../vfs/names.ts";
import { type Rights, rightsOf } from "../../vfs/wanted.ts";
import type { XdrReader } from "../../xdr/reader.ts";
import {
  type Offering,
  RIGHTS_AND_OFFER,
} from "../attributes/attribute_table.ts";
import { attributesSet } from "../attributes/attributes_set.ts";
import { attributesOf } from "../files/attributes_of.ts";
import { changeFolder } from "../files/change_folder.ts";
import { writeChangeInfo } from "../files/change_info.ts";
import type { CompoundContext } from "../context.ts";
import { checkFolder, statusOfRefusal } from "../files/folder_access.ts";
import { checkName, readName } from "../files/names.ts";
import { checkNewList } from "../files/new_list.ts";
import { type Limited, limitMode } from "../files/umask.ts";
import type { Operation } from "../operation.ts";

/** Arguments of CREATE. */
export interface CreateArgs {
  /** What to make, or the status of what can't be made. */
  readonly kind: CreateKind | StatusCode;
  /** Its name, a view of the request. */
  readonly name: Uint8Array;
  readonly attributes: SetAttributes;
}

/** nfs_ftype4 (RFC 8881 5.8.1.2). */
const Type = {
  DIRECTORY: 2,
  BLOCK: 3,
  CHARACTER: 4,
  SYMLINK: 5,
  SOCKET: 6,
  FIFO: 7,
} as const;

/** CREATE (RFC 8881 18.4, RFC 7530 16.4): anything but a regular file. */
export const create: Operation<CreateArgs, "create"> = {
  decode: (xdr, minorVersion: MinorVersion) => ({
    kind: readKind(xdr),
    name: readName(xdr),
    attributes: readSetAttributes(xdr, { minorVersion, purpose: "create" }),
  }),

  *run(context, { kind, name: bytes, attributes: wanted }) {
    const { file: folder, reply } = context;
    const { fs } = folder.export;
    if (isStatus(kind)) return kind;
    const name = checkName(bytes, fs.limits);
    if (isStatus(name)) return name;
    // RFC 8881 14.5, RFC 7530 12.7: not UTF-8.
    if (kind.type === "symlink" && !isTaken(kind.target, fs.limits)) {
      return Status.INVAL;
    }
    const parent = yield* wait(attributesOf(folder, RIGHTS_AND_OFFER));
    const { type } = kind;
    const limited = limitMode(wanted.changes, type, { fs, folder: parent });
    const attributes = prepare(context, parent, { kind, wanted, ...limited });
    if (isStatus(attributes)) return attributes;
    const { umask } = limited;
    const options = { attributes, umask, judged: rightsOf(parent) };
    const act = { type: "create", name, kind, options } as const;
    const made = yield* changeFolder(context, folder, act);
    if (isStatus(made)) return made;
    writeChangeInfo(reply, made.change);
    writeBitmap(reply, attributesSet(wanted, attributes));
    const { namespace } = context.services;
    context.setCurrent(namespace.refer(folder.export, made.node));
    return Status.OK;
  },
};

/** The attributes that it gets, or the status that refuses it. */
function prepare(
  context: CompoundContext,
  attributes: Rights & Offering,
  { kind, wanted, changes, umask }: Limited & {
    readonly kind: CreateKind;
    readonly wanted: SetAttributes;
  },
): CreateOptions["attributes"] | StatusCode {
  const { file, minorVersion, services } = context;
  const settable = services.attributes.checkSettable(minorVersion, file, {
    attributes,
    wanted,
  });
  if (settable !== Status.OK) return settable;
  // RFC 8881 18.4.3: attributes that are valid for the type; only files have a size to set.
  if (changes.size !== undefined) return Status.INVAL;
  const list = checkNewList(changes, kind.type, attributes);
  if (list !== Status.OK) return list;
  const status = checkFolder(context, file, { attributes, use: "search" });
  if (status !== Status.OK) return status;
  const use = kind.type === "directory" ? "add folder" : "add file";
  const added = checkFolder(context, file, { attributes, use });
  if (added !== Status.OK) return added;
  const made = attributesOfNew(attributes, context.callerOf(file), {
    type: kind.type,
    changes,
    umask,
  });
  // RFC 7530 16.4.4: an owner or group that the caller can't give is NFS4ERR_PERM.
  return typeof made === "string" ? statusOfRefusal(made) : made;
}

/** Reads a createtype4. */
function readKind(xdr: XdrReader): CreateKind | StatusCode {
  const type = xdr.uint32();
  switch (type) {
    case Type.SYMLINK:
      return readSymlink(xdr.opaque(xdr.remaining));
    case Type.BLOCK:
    case Type.CHARACTER:
      return {
        type: type === Type.BLOCK ? "block-device" : "character-device",
        rdev: { major: xdr.uint32(), minor: xdr.uint32() },
      };
    case Type.SOCKET:
      return { type: "socket" };
    case Type.FIFO:
      return { type: "fifo" };
    case Type.DIRECTORY:
      return { type: "directory" };
    default:
      // RFC 8881 18.4.1: all other types have no data and this error.
      return Status.BADTYPE;
  }
}

function readSymlink(bytes: Uint8Array): CreateKind | StatusCode {
  // RFC 8881 15.1.7: a string that has no bytes.
  if (bytes.length === 0) return Status.INVAL;
  if (bytes.length > MAX_TARGET) return Status.NAMETOOLONG;
  const target = decodeRaw(bytes);
  return target.includes("\0") ? Status.INVAL : { type: "symlink", target };
}
