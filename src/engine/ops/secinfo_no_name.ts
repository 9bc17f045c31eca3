import { chain } from "../../base/awaitable.ts";
import { isStatus, Status } from "../../nfs4/constants.ts";
import type { Operation } from "../operation.ts";
import { parentOf } from "./lookupp.ts";
import { writeFlavors } from "./secinfo.ts";

/** SECINFO_STYLE4_PARENT (RFC 8881 18.45.1). */
const PARENT = 1;

/** SECINFO_NO_NAME (RFC 8881 18.45): the style. */
export const secinfoNoName: Operation<number> = {
  decode: (xdr) => xdr.discriminant(PARENT),

  run(context, style) {
    // RFC 8881 18.45.3: as LOOKUPP, NFS4ERR_NOENT and NFS4ERR_ACCESS included,
    // but for NFS4ERR_SYMLINK (15.2).
    const file = style === PARENT
      ? parentOf(context, Status.NOTDIR)
      : context.file;
    return chain(file, (file) => {
      if (isStatus(file)) return file;
      writeFlavors(context);
      return Status.OK;
    });
  },
};
