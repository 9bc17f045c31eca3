import { FH_SIZE, Status, type StatusCode } from "../../nfs4/constants.ts";
import { UnsoundResult } from "../../vfs/checks.ts";
import type { FileRef } from "../../vfs/file_handle.ts";
import type { CompoundContext } from "../context.ts";
import { inLine } from "../in_line.ts";
import type { Operation } from "../operation.ts";
import { statusOfError } from "../status.ts";

/** PUTFH (RFC 8881 18.19, RFC 7530 16.20): the filehandle, a view of the request. */
export const putfh: Operation<Uint8Array> = {
  decode: (xdr) => xdr.opaque(FH_SIZE),

  run(context, handle) {
    try {
      // A file that is gone makes this throw "stale".
      const { namespace } = context.services;
      const file = namespace.remembered(handle) ??
        namespace.resolveNew(
          handle,
          (terms, ask) => inLine(context, terms, ask),
        );
      if (!(file instanceof Promise)) return arrive(context, file);
      return file.then(
        (file) => arrive(context, file),
        (error) => refuse(context, error),
      );
    } catch (error) {
      return refuse(context, error);
    }
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

/**
 * Of why a file system does not find a file, RFC 8881 15.2 and RFC 7530 13.2 have
 * words for PUTFH where it is gone and where the client is to ask again: a client
 * that is told anything else, as ACCESS, would take it for a word on the file.
 */
function refuse(
  { minorVersion, services: { log } }: CompoundContext,
  error: unknown,
): StatusCode {
  const status = statusOfError(error, minorVersion);
  if (status === Status.DELAY || status === Status.STALE) return status;
  if (status === Status.NOENT) return Status.STALE;
  if (status === undefined) throw error;
  // What is unsound was said, once for each kind.
  if (!(error instanceof UnsoundResult)) {
    log.error("a file could not be found by its filehandle", { error });
  }
  return Status.SERVERFAULT;
}
