import { Status } from "../../nfs4/constants.ts";
import type { Operation } from "../operation.ts";

/** RESTOREFH (RFC 8881 18.27, RFC 7530 16.29). */
export const restorefh: Operation<void> = {
  decode: () => {},

  run(context) {
    if (context.saved === undefined) {
      // RFC 7530 16.29.4; RFC 8881 15.2 leaves only the general error to NFSv4.1.
      return context.minorVersion === 0
        ? Status.RESTOREFH
        : Status.NOFILEHANDLE;
    }
    context.setCurrent(context.saved);
    // RFC 8881 16.2.3.1.2: the stateid that was saved with it comes back.
    context.currentStateid = context.savedStateid;
    return Status.OK;
  },
};
