import { Status } from "../../nfs4/constants.ts";
import type { Operation } from "../operation.ts";

/** RECLAIM_COMPLETE4args (RFC 8881 18.51.1). */
export interface ReclaimCompleteArgs {
  /** rca_one_fs. */
  readonly oneFs: boolean;
}

/** RECLAIM_COMPLETE (RFC 8881 18.51): the client has taken back what it wants. */
export const reclaimComplete: Operation<ReclaimCompleteArgs, "state"> = {
  decode(xdr) {
    return { oneFs: xdr.bool() };
  },

  run(context, args) {
    if (args.oneFs) {
      // RFC 8881 18.51.3: about the file system of the current filehandle.
      // None ever moves to this server, so there is nothing to remember.
      return context.current === undefined ? Status.NOFILEHANDLE : Status.OK;
    }
    const client = context.client!;
    if (client.isReclaimComplete) return Status.COMPLETE_ALREADY;
    context.services.state.reclaimComplete(client);
    return Status.OK;
  },
};
