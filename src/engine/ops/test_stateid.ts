import { Status } from "../../nfs4/constants.ts";
import { readStateid, type Stateid } from "../../nfs4/types.ts";
import type { CompoundContext } from "../context.ts";
import type { Operation } from "../operation.ts";
import { resolveState, specialOf } from "../resolve_stateid.ts";

/** TEST_STATEID (RFC 8881 18.48). */
export const testStateid: Operation<readonly Stateid[]> = {
  decode: (xdr) => xdr.array(xdr.remaining, readStateid),

  run(context, stateids) {
    context.reply.array(
      stateids,
      (xdr, stateid) => xdr.uint32(test(context, stateid)),
    );
    return Status.OK;
  },
};

function test(context: CompoundContext, stateid: Stateid): number {
  // RFC 8881 18.48.3: special stateids are always invalid, the current one too.
  if (specialOf(stateid) !== undefined) return Status.BAD_STATEID;
  const state = resolveState(context, stateid, undefined);
  return typeof state === "number" ? state : Status.OK;
}
