import { Status } from "../../nfs4/constants.ts";
import {
  compareAttributes,
  type KnownAttributes,
  readKnownAttributes,
} from "../attributes/compare_attributes.ts";
import type { Operation } from "../operation.ts";

/** VERIFY (RFC 8881 18.31, RFC 7530 16.35): goes on when nothing has changed. */
export const verify: Operation<KnownAttributes> = {
  decode: readKnownAttributes,

  *run(context, known) {
    const status = yield* compareAttributes(context, known);
    return status === Status.SAME ? Status.OK : status;
  },
};
