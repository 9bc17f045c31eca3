import { wait } from "../../base/awaitable.ts";
import { isStatus, Status } from "../../nfs4/constants.ts";
import { Permission, permits } from "../../vfs/permissions.ts";
import { RIGHTS } from "../../vfs/wanted.ts";
import {
  indexName,
  isPart,
  PART,
} from "../../vfs/named_attributes/attribute_parts.ts";
import { hasXattrs } from "../../vfs/xattrs.ts";
import { attributesOf } from "../files/attributes_of.ts";
import { readName } from "../files/names.ts";
import { checkXattrName, mayHaveXattrs } from "../files/xattrs.ts";
import type { Operation } from "../operation.ts";

/** Bytes of the length of a value, and of what fills its last word. */
const AROUND = 8;

/** GETXATTR (RFC 8276 8.4.1): the name, a view of the request. */
export const getxattr: Operation<Uint8Array> = {
  decode: readName,

  *run(context, bytes) {
    const { file, reply } = context;
    const { fs } = file.export;
    if (!hasXattrs(fs)) return Status.NOTSUPP;
    const name = checkXattrName(bytes);
    // RFC 8276 8.4.5: there is no NFS4ERR_BADCHAR.
    if (name === Status.BADCHAR) return Status.INVAL;
    if (isStatus(name)) return name;
    const attributes = yield* wait(attributesOf(file, RIGHTS));
    if (!mayHaveXattrs(attributes.type)) return Status.WRONG_TYPE;
    const caller = context.callerOf(file);
    if (!permits(attributes, caller, Permission.READ)) return Status.ACCESS;
    const value = yield* wait(fs.getxattr(file.node, name));
    if (value === undefined || isPart(name)) return Status.NOXATTR;
    if (value.length === PART) {
      // As a named attribute it is larger than any reply (RFC 8276 8.4.1.3).
      const index = yield* wait(fs.getxattr(file.node, indexName(name)));
      if (index !== undefined) return Status.REP_TOO_BIG;
    }
    if (!context.reserve(value.length + AROUND)) return Status.DELAY;
    reply.opaque(value);
    return Status.OK;
  },
};
