import { wait } from "../../base/awaitable.ts";
import { Status } from "../../nfs4/constants.ts";
import { readStateid, type Stateid } from "../../nfs4/types.ts";
import { wantedOnly } from "../../vfs/wanted.ts";
import { attributesOf } from "../files/attributes_of.ts";
import { CONTENT_KINDS, placeOf } from "../files/content_kinds.ts";
import { authorizeIo } from "../locking/authorize_io.ts";
import type { Operation } from "../operation.ts";

/** SEEK4args. */
export interface SeekArgs {
  /** The state that it is done under. */
  readonly stateid: Stateid;
  /** First byte; beyond 2^53 it is behind the end of any file. */
  readonly offset: number;
  /** data_content4: data or hole. */
  readonly what: number;
}

const SIZE = wantedOnly(["size"]);

/** SEEK (RFC 7862 15.11). */
export const seek: Operation<SeekArgs> = {
  decode: (xdr) => ({
    stateid: readStateid(xdr),
    offset: xdr.uint64Number(),
    what: xdr.uint32(),
  }),

  *run(context, { stateid, offset, what }) {
    const kind = CONTENT_KINDS[what];
    if (kind === undefined) return Status.UNION_NOTSUPP;
    const { file, reply } = context;
    const status = yield* wait(authorizeIo(context, stateid, "read"));
    if (status !== Status.OK) return status;
    const { size } = yield* wait(attributesOf(file, SIZE));
    // As Linux has it: at the end there is nothing either to begin with.
    if (offset >= size) return Status.NXIO;
    const place = yield* wait(placeOf(file, { offset, kind, size }));
    // The hole that all files have at their end is told as that.
    reply.bool(place >= size);
    reply.uint64(BigInt(Math.min(place, size)));
    return Status.OK;
  },
};
