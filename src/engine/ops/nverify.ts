import { Status } from "../../nfs4/constants.ts";
import {
  compareAttributes,
  type KnownAttributes,
  readKnownAttributes,
} from "../attributes/compare_attributes.ts";
import type { Operation } from "../operation.ts";

/** NVERIFY (RFC 8881 18.15, RFC 7530 16.15): goes on when something has changed. */
export const nverify: Operation<KnownAttributes> = {
  decode: readKnownAttributes,

  *run(context, known) {
    const status = yield* compareAttributes(context, known);
    return status === Status.NOT_SAME ? Status.OK : status;
  },
};
