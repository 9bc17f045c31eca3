import { FH_SIZE, Status, type StatusCode } from "../../nfs4/constants.ts";
import type { FileRef } from "../../vfs/file_handle.ts";
import type { CompoundContext } from "../context.ts";
import type { Operation } from "../operation.ts";

/** PUTFH (RFC 8881 18.19, RFC 7530 16.20): the filehandle, a view of the request. */
export const putfh: Operation<Uint8Array> = {
  decode: (xdr) => xdr.opaque(FH_SIZE),

  run(context, handle) {
    // A file that is gone makes this throw "stale".
    const file = context.services.namespace.resolve(handle);
    return file instanceof Promise
      ? file.then((file) => arrive(context, file))
      : arrive(context, file);
  },
};

function arrive(
  context: CompoundContext,
  file: FileRef | undefined,
): StatusCode {
  // RFC 8881 15.1.2.1: not a handle that we made.
  if (file === undefined) return Status.BADHANDLE;
  context.setCurrent(file);
  return Status.OK;
}
