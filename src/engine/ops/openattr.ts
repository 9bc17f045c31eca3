import { wait } from "../../base/awaitable.ts";
import { Status } from "../../nfs4/constants.ts";
import {
  Permission,
  permits,
  refuseXattrChange,
} from "../../vfs/permissions.ts";
import { RIGHTS, rightsOf } from "../../vfs/wanted.ts";
import { attributesOf } from "../files/attributes_of.ts";
import { checkWritable } from "../files/changing.ts";
import { areThereAttributes } from "../files/named_attributes.ts";
import { mayHaveXattrs } from "../files/xattrs.ts";
import type { Operation } from "../operation.ts";

/** Arguments of OPENATTR. */
export interface OpenattrArgs {
  /** To make the folder of named attributes, where there is none. */
  readonly create: boolean;
}

/**
 * OPENATTR (RFC 8881 18.17, RFC 7530 16.17): the folder of the current file's named
 * attributes. It is there as long as one of them is; where it is to be made, there
 * is nothing to keep until one is made in it.
 */
export const openattr: Operation<OpenattrArgs> = {
  decode: (xdr) => ({ create: xdr.bool() }),

  *run(context, { create }) {
    const { file, minorVersion, services: { namespace } } = context;
    // RFC 8881 5.3, RFC 7530 5.3: they have none themselves.
    if (file.export.bearers !== undefined) {
      return minorVersion === 0 ? Status.NOTSUPP : Status.WRONG_TYPE;
    }
    const folder = namespace.attributeFolder(file);
    if (folder === undefined) return Status.NOTSUPP;
    const attributes = rightsOf(yield* wait(attributesOf(file, RIGHTS)));
    if (!mayHaveXattrs(attributes.type)) return Status.NOTSUPP;
    const caller = context.callerOf(file);
    if (!permits(attributes, caller, Permission.READ)) return Status.ACCESS;
    if (!(yield* areThereAttributes(file, attributes.type))) {
      if (!create) return Status.NOENT;
      const writable = checkWritable(file, "setxattr");
      if (writable !== Status.OK) return writable;
      // RFC 8881 15.2, RFC 7530 13.2: also of a sticky folder, for there is no NFS4ERR_PERM.
      if (refuseXattrChange(attributes, caller)) return Status.ACCESS;
    }
    context.setCurrent(folder);
    return Status.OK;
  },
};
