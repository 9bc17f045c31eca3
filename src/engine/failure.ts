import { Trace } from "../base/log.ts";
import { Status, type StatusCode } from "../nfs4/constants.ts";
import { UnsoundResult } from "../vfs/checks.ts";
import type { CompoundContext } from "./context.ts";
import { statusOfError } from "./status.ts";

/**
 * The status of an operation in which something was thrown; said to the operator
 * where it is the operator's or a program's to mend.
 */
export function statusOfFailure(
  context: Pick<CompoundContext, "current" | "minorVersion" | "services">,
  operation: string,
  error: unknown,
): StatusCode {
  const { current, minorVersion, services: { log } } = context;
  const status = statusOfError(error, minorVersion);
  const place = { operation, export: current?.export.path };
  if (status === undefined) {
    const trace = new Trace(error);
    log.error("operation failed", { ...place, error, trace });
    return Status.SERVERFAULT;
  }
  const isLoss = status === Status.IO && !(error instanceof UnsoundResult);
  // Of a store that has failed it was said.
  if (isLoss && current?.export.fs.failure?.() === undefined) {
    log.error("a file could not be read or written", { ...place, error });
  }
  return status;
}
