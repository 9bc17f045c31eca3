import { Status } from "../../nfs4/constants.ts";
import type { Operation } from "../operation.ts";

/** ILLEGAL (RFC 8881 18.52): stands for every number that is no operation. */
export const illegal: Operation<undefined> = {
  decode: () => undefined,
  run: () => Status.OP_ILLEGAL,
};
