import { wait } from "../../base/awaitable.ts";
import { Status } from "../../nfs4/constants.ts";
import type { Operation } from "../operation.ts";
import { checkWayUp } from "./lookupp.ts";
import { writeFlavors } from "./secinfo.ts";
import { RIGHTS } from "../../vfs/wanted.ts";
import { attributesOf } from "../files/attributes_of.ts";

/** SECINFO_STYLE4_PARENT (RFC 8881 18.45.1). */
const PARENT = 1;

/** SECINFO_NO_NAME (RFC 8881 18.45): the style. */
export const secinfoNoName: Operation<number> = {
  decode: (xdr) => xdr.discriminant(PARENT),

  *run(context, style) {
    if (style === PARENT) {
      const { file, services: { namespace } } = context;
      const attributes = yield* wait(attributesOf(file, RIGHTS));
      // RFC 8881 18.45.3: as LOOKUPP, NFS4ERR_NOENT and NFS4ERR_ACCESS included,
      // but for NFS4ERR_SYMLINK (15.2).
      const status = checkWayUp(context, attributes, Status.NOTDIR);
      if (status !== Status.OK) return status;
      const parent = yield* wait(namespace.parent(file));
      if (parent === undefined) return Status.NOENT;
    }
    writeFlavors(context);
    return Status.OK;
  },
};
