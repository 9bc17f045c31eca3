import { Status } from "../../nfs4/constants.ts";
import type { Operation } from "../operation.ts";

/** GETFH (RFC 8881 18.8, RFC 7530 16.8). */
export const getfh: Operation<void> = {
  decode: () => {},

  run(context) {
    context.reply.opaque(context.file.handle);
    return Status.OK;
  },
};
