import { Status } from "../../nfs4/constants.ts";
import { readStateid, type Stateid } from "../../nfs4/types.ts";
import type { Operation } from "../operation.ts";

/** OFFLOAD_STATUS (RFC 7862 15.9): how far a copy is. */
export const offloadStatus: Operation<Stateid> = {
  decode: readStateid,

  run({ client, file, reply, services: { state } }, stateid) {
    const copy = state.copies.find(client, file, stateid);
    if (copy === undefined) return Status.BAD_STATEID;
    const { done, end } = copy;
    reply.uint64Number(done);
    const complete = end === undefined ? [] : [end.status];
    reply.array(complete, (xdr, status) => xdr.uint32(status));
    return Status.OK;
  },
};
