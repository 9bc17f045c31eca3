import { Status } from "../../nfs4/constants.ts";
import type { Operation } from "../operation.ts";

/** PUTROOTFH (RFC 8881 18.21, RFC 7530 16.22). */
export const putrootfh: Operation<void> = {
  decode: () => {},

  run(context) {
    context.setCurrent(context.services.namespace.root());
    return Status.OK;
  },
};
