import { type Steps, wait } from "../../../base/awaitable.ts";
import { Bitmap } from "../../../nfs4/bitmap.ts";
import { isStatus, Status, type StatusCode } from "../../../nfs4/constants.ts";
import { FsError } from "../../../vfs/errors.ts";
import { RIGHTS, rightsAnd } from "../../../vfs/wanted.ts";
import { attributesOf } from "../../files/attributes_of.ts";
import type { ChangingContext } from "../../files/changing.ts";
import { checkFolder } from "../../files/folder_access.ts";
import { attributesOfNamed } from "../../files/named_file.ts";
import { checkName } from "../../files/names.ts";
import type { CreateHow, OpenClaim } from "./args.ts";
import { createFile } from "./create.ts";
import { rightOf } from "./right.ts";
import { existingTarget, type OpenTarget } from "./target.ts";
import { unmake } from "./unmake.ts";

/** attrset of an existing file that UNCHECKED4 truncated: size alone (RFC 8881 18.16.3). */
const SIZE = Bitmap.ofNumbers([4]);

/** Rights, what tells which attributes can be set, and the change_info of a file that is there. */
const OF_FOLDER = rightsAnd("birthtime", "change");

/** A claim of a file by its name. */
type NameClaim = Extract<OpenClaim, { readonly name: Uint8Array }>;

/** An OPEN of a name in the folder that is the current filehandle. */
export interface NamedOpen {
  /** With the name as it came. */
  readonly claim: NameClaim;
  /** OPEN4_SHARE_ACCESS_* */
  readonly access: number;
  /** OPEN4_SHARE_DENY_* */
  readonly deny: number;
  /** How to create it, if at all. */
  readonly create: CreateHow | undefined;
}

/** Finds, or makes, the file of CLAIM_NULL and CLAIM_DELEGATE_CUR. */
export function* openByName(
  context: ChangingContext<"sometimes">,
  { claim, access, deny, create }: NamedOpen,
): Steps<OpenTarget | StatusCode> {
  const folder = context.file;
  const { fs } = folder.export;
  const attributes = yield* wait(attributesOf(folder, OF_FOLDER));
  // RFC 8881 18.16.4, as with LOOKUP: a symlink on the way is the client's to follow.
  if (attributes.type === "symlink") return Status.SYMLINK;
  const use = { attributes, use: "search" } as const;
  const status = checkFolder(context, folder, use);
  if (status !== Status.OK) return status;
  const wanted = create?.attributes;
  if (wanted !== undefined) {
    const { minorVersion, services } = context;
    const settable = services.attributes.checkSettable(minorVersion, folder, {
      attributes,
      wanted,
    });
    if (settable !== Status.OK) return settable;
  }
  const name = checkName(claim.name, fs.limits);
  if (isStatus(name)) return name;
  let node = yield* wait(fs.lookup(folder.node, name));
  const isUnchecked = create?.mode === "unchecked";
  // RFC 8881 18.16.3, RFC 7530 16.16.5: of the attributes only a size of zero counts.
  const truncate = isUnchecked && create.attributes.changes.size === 0
    ? SIZE
    : undefined;
  if (create !== undefined && !(isUnchecked && node !== undefined)) {
    // RFC 8881 18.16.3, RFC 7530 16.16.5
    if (node !== undefined && create.mode === "guarded") return Status.EXIST;
    const exists = node !== undefined;
    const creation = { folder: attributes, name, access, deny, exists };
    try {
      const target = yield* createFile(context, create, creation);
      if (isStatus(target) || claim.type === "null") return target;
      // What was made just now has no delegation.
      const right = rightOf(context, target.file, { claim, access });
      if (!isStatus(right)) return target;
      yield* unmake(context, target);
      return right;
    } catch (error) {
      if (!isUnchecked || FsError.from(error)?.code !== "exists") throw error;
      // Another client made it while we waited for the file system.
      node = yield* wait(fs.lookup(folder.node, name));
      // And a third has removed it: the client comes again, for it is to be made.
      if (node === undefined) throw new FsError("busy");
    }
  }
  if (node === undefined) return Status.NOENT;
  const file = context.services.namespace.enter(folder.export, node);
  const right = rightOf(context, file, { claim, access });
  if (isStatus(right)) return right;
  const named = { folder, name };
  return existingTarget(context, file, {
    attributes: yield* attributesOfNamed(context, { file, ...named }, RIGHTS),
    access,
    deny,
    right,
    named,
    folder: attributes,
    truncate,
  });
}
