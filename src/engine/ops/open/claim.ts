import { type Awaitable, chain } from "../../../base/awaitable.ts";
import {
  isStatus,
  Share,
  Status,
  type StatusCode,
} from "../../../nfs4/constants.ts";
import type { Stateid } from "../../../nfs4/types.ts";
import type { FileRef } from "../../../vfs/file_handle.ts";
import type { ChangingContext } from "../../files/changing.ts";
import type { CompoundContext } from "../../context.ts";
import { resolveState } from "../../locking/resolve_stateid.ts";
import type { OpenArgs } from "./args.ts";
import { openByName } from "./by_name.ts";
import { existingTarget, type OpenTarget } from "./target.ts";
import { unmake } from "./unmake.ts";

/** The file that an OPEN claims (RFC 8881 18.16.3). */
export function findTarget(
  context: ChangingContext<"sometimes">,
  { claim, create, shareAccess }: OpenArgs,
): Awaitable<OpenTarget | StatusCode> {
  const access = shareAccess & Share.ACCESS_BOTH;
  const { file } = context;
  switch (claim.type) {
    case "null":
      return openByName(context, { name: claim.name, access, create });
    case "delegate-cur": {
      const { name, stateid } = claim;
      return chain(openByName(context, { name, access, create }), (target) => {
        if (isStatus(target)) return target;
        const { file } = target;
        const status = checkClaim(context, file, { stateid, access });
        if (status === Status.OK) return target;
        return chain(unmake(context, target), () => status);
      });
    }
    case "deleg-cur-fh": {
      const { stateid } = claim;
      const status = checkClaim(context, file, { stateid, access });
      if (status !== Status.OK) return status;
      return existingTarget(context, file, { access, ownerAlways: true });
    }
    case "previous":
      return existingTarget(context, file, { access, ownerAlways: true });
    case "fh":
      return existingTarget(context, file, { access });
    case "delegate-prev":
      // RFC 8881 18.5.3, RFC 7530 16.16.5: where there is no DELEGPURGE.
      return Status.NOTSUPP;
  }
}

/** Whether the client has the delegation that it opens a file by. */
function checkClaim(
  context: CompoundContext,
  file: FileRef,
  { stateid, access }: {
    readonly stateid: Stateid;
    readonly access: number;
  },
): StatusCode {
  const state = resolveState(context, stateid, file);
  if (isStatus(state)) return state;
  const covers = state.kind === "delegation" &&
    (state.type === "write" || (access & Share.ACCESS_WRITE) === 0);
  return covers ? Status.OK : Status.BAD_STATEID;
}
