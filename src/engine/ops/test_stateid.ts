import { isStatus, STATEID_OTHER_SIZE, Status } from "../../nfs4/constants.ts";
import { readStateid, type Stateid } from "../../nfs4/types.ts";
import { XdrError } from "../../xdr/error.ts";
import { XdrReader } from "../../xdr/reader.ts";
import { takeTurns } from "../take_turns.ts";
import type { CompoundContext } from "../context.ts";
import type { Operation } from "../operation.ts";
import {
  type ResolveOptions,
  resolveState,
  specialOf,
} from "../locking/resolve_stateid.ts";

const TO_TEST: ResolveOptions = { purpose: "test" };
/** Bytes of a stateid4. */
const STATEID_SIZE = 4 + STATEID_OTHER_SIZE;
/** Stateids after which it is asked whether others should have a turn. */
const STATEIDS_AT_ONCE = 1_024;

/** TEST_STATEID (RFC 8881 18.48); the stateids are read one by one, there may be 65,000. */
export const testStateid: Operation<XdrReader> = {
  decode(xdr) {
    const count = xdr.uint32();
    if (count * STATEID_SIZE > xdr.remaining) {
      throw new XdrError(`${count} stateids in ${xdr.remaining} bytes`);
    }
    return new XdrReader(xdr.opaqueFixed(count * STATEID_SIZE));
  },

  *run(context, stateids) {
    const { reply } = context;
    const count = stateids.remaining / STATEID_SIZE;
    if (!context.reserve(4 + 4 * count)) return Status.DELAY;
    reply.uint32(count);
    for (let i = 1; i <= count; i++) {
      reply.uint32(test(context, readStateid(stateids)));
      const isDue = i % STATEIDS_AT_ONCE === 0;
      if (isDue) yield* takeTurns(context);
    }
    return Status.OK;
  },
};

function test(context: CompoundContext, stateid: Stateid): number {
  // RFC 8881 18.48.3: special stateids are always invalid, the current one too.
  if (specialOf(stateid) !== undefined) return Status.BAD_STATEID;
  const state = resolveState(context, stateid, undefined, TO_TEST);
  return isStatus(state) ? state : Status.OK;
}
