import { Status } from "../../nfs4/constants.ts";
import type { Operation } from "../operation.ts";

/** SAVEFH (RFC 8881 18.28, RFC 7530 16.30). */
export const savefh: Operation<void> = {
  decode: () => {},

  run(context) {
    context.saved = context.current;
    // RFC 8881 16.2.3.1.2: the current stateid is saved with it.
    context.savedStateid = context.currentStateid;
    return Status.OK;
  },
};
