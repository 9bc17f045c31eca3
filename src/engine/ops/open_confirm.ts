import { wait } from "../../base/awaitable.ts";
import { Op, Status } from "../../nfs4/constants.ts";
import { readStateid, type Stateid, writeStateid } from "../../nfs4/types.ts";
import { restartOwner } from "../../state/idle_owners.ts";
import type { Operation } from "../operation.ts";
import type { ResolveOptions } from "../locking/resolve_stateid.ts";
import { withOpen } from "../locking/with_state.ts";

/** OPEN_CONFIRM4args. */
export interface OpenConfirmArgs {
  /** What OPEN returned. */
  readonly stateid: Stateid;
  /** One more than OPEN's. */
  readonly seqid: number;
}

const UNCONFIRMED: ResolveOptions = { purpose: "use", unconfirmed: true };

/** OPEN_CONFIRM (RFC 7530 16.18), NFSv4.0 only. */
export const openConfirm: Operation<OpenConfirmArgs, "state"> = {
  decode: (xdr) => ({ stateid: readStateid(xdr), seqid: xdr.uint32() }),

  *run(context, { stateid, seqid }) {
    const { state } = context.services;
    const known = state.stateids.find(stateid.other);
    const request = {
      operation: Op.OPEN_CONFIRM,
      stateid,
      seqid,
      resolve: UNCONFIRMED,
    };
    const status = yield* wait(withOpen(context, request, (open) => {
      const { owner } = open;
      // RFC 7530 16.18.5: there is nothing to confirm about it.
      if (owner.unconfirmed !== open) return Status.BAD_STATEID;
      owner.unconfirmed = undefined;
      owner.isConfirmed = true;
      open.bump();
      writeStateid(context.reply, open);
      return Status.OK;
    }));
    // RFC 7530 16.18.4: with another seqid, the OPEN will not be confirmed.
    const cancels = status === Status.BAD_SEQID && known?.kind === "open" &&
      known.owner.unconfirmed === known;
    if (cancels) {
      context.hasChanged = true;
      restartOwner(state, known.owner);
    }
    return status;
  },
};
