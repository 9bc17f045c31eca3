import { wait } from "../../base/awaitable.ts";
import {
  type Bitmap,
  emptyBitmap,
  readBitmap,
  writeBitmap,
} from "../../nfs4/bitmap.ts";
import { isStatus, Status } from "../../nfs4/constants.ts";
import { readStateid, type Stateid } from "../../nfs4/types.ts";
import { TYPE } from "../../vfs/wanted.ts";
import { attributesOf } from "../files/attributes_of.ts";
import { checkRegular } from "../files/file_access.ts";
import { isBeyondAll } from "../files/file_ranges.ts";
import { resolveState, specialOf, TO_USE } from "../locking/resolve_stateid.ts";
import type { Operation } from "../operation.ts";

/** IO_ADVISE4args. */
export interface IoAdviseArgs {
  /** The state that it is done under. */
  readonly stateid: Stateid;
  /** First byte. */
  readonly offset: bigint;
  /** Number of bytes; 0 for all the rest. */
  readonly length: bigint;
  /** IO_ADVISE4_* bits. */
  readonly hints: Bitmap;
}

/** IO_ADVISE (RFC 7862 15.5): none of the hints is followed, which the answer tells. */
export const ioAdvise: Operation<IoAdviseArgs> = {
  decode: (xdr) => ({
    stateid: readStateid(xdr),
    offset: xdr.uint64(),
    length: xdr.uint64(),
    hints: readBitmap(xdr),
  }),

  *run(context, { stateid, offset, length }) {
    const { file, minorVersion, reply } = context;
    const { type } = yield* wait(attributesOf(file, TYPE));
    const status = checkRegular(type, minorVersion);
    if (status !== Status.OK) return status;
    if (isBeyondAll(offset, length)) return Status.INVAL;
    const special = specialOf(stateid);
    if (special !== "anonymous" && special !== "bypass") {
      const state = resolveState(context, stateid, file, TO_USE);
      if (isStatus(state)) return state;
    }
    writeBitmap(reply, emptyBitmap);
    return Status.OK;
  },
};
