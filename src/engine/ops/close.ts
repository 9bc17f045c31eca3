import { Op, Status } from "../../nfs4/constants.ts";
import { readStateid, type Stateid, writeStateid } from "../../nfs4/types.ts";
import { dropOpen } from "../../state/opens.ts";
import type { Operation } from "../operation.ts";
import {
  type ResolveOptions,
  setCurrentStateid,
} from "../locking/resolve_stateid.ts";
import { withOpen } from "../locking/with_state.ts";

/** CLOSE4args. */
export interface CloseArgs {
  /** NFSv4.0: of the open's owner. */
  readonly seqid: number;
  /** The open. */
  readonly stateid: Stateid;
}

const TO_CLOSE: ResolveOptions = { purpose: "end", withSeqid: true };

/** RFC 8881 18.2.4: what is returned is of no use, and says so (8.2.3). */
const INVALID: Stateid = { seqid: 0xffff_ffff, other: new Uint8Array(12) };

/**
 * CLOSE (RFC 8881 18.2, RFC 7530 16.2). Locks under the open go with it, as both
 * RFCs allow; so NFS4ERR_LOCKS_HELD does not occur.
 */
export const close: Operation<CloseArgs, "state"> = {
  decode: (xdr) => ({ seqid: xdr.uint32(), stateid: readStateid(xdr) }),

  run(context, { seqid, stateid }) {
    const request = {
      operation: Op.CLOSE,
      stateid,
      seqid,
      resolve: TO_CLOSE,
    };
    return withOpen(context, request, (open) => {
      dropOpen(context.services.state, open, { keepForReplay: true });
      if (context.minorVersion > 0) {
        setCurrentStateid(context, INVALID);
        writeStateid(context.reply, INVALID);
      } else {
        open.bump();
        writeStateid(context.reply, open);
      }
      return Status.OK;
    });
  },
};
