import { wait } from "../../base/awaitable.ts";
import { Status } from "../../nfs4/constants.ts";
import { readStateid, type Stateid } from "../../nfs4/types.ts";
import type { Operation } from "../operation.ts";

/**
 * OFFLOAD_CANCEL (RFC 7862 15.8): what is copied by now stays, and its stateid goes.
 * Answered when nothing more is written, or the copy would overwrite what its client
 * writes next.
 */
export const offloadCancel: Operation<Stateid, "state"> = {
  decode: readStateid,

  *run({ client, file, services: { state } }, stateid) {
    const copy = state.copies.find(client, file, stateid);
    if (copy === undefined) return Status.BAD_STATEID;
    yield* wait(state.copies.cancel(copy));
    return Status.OK;
  },
};
