import {
  isStatus,
  Share,
  Status,
  type StatusCode,
} from "../../../nfs4/constants.ts";
import type { FileRef } from "../../../vfs/file_handle.ts";
import type { CompoundContext } from "../../context.ts";
import { resolveState, TO_USE } from "../../locking/resolve_stateid.ts";
import type { OpenClaim } from "./args.ts";

/** What a caller may open a file by that is there, besides its permissions of now. */
export interface OpenRight {
  /** Its owner may, whatever the mode: it had it open before. */
  readonly ownerAlways: boolean;
  /** OPEN4_SHARE_ACCESS_* that the caller was permitted when its client got a delegation. */
  readonly permitted: number;
}

/** A file that is opened anew. */
const ANEW: OpenRight = { ownerAlways: false, permitted: 0 };
/** One that the caller had open. */
export const HELD_BEFORE: OpenRight = { ownerAlways: true, permitted: 0 };

/**
 * By what right an OPEN claims `file`, whether it names it or has its filehandle;
 * where it has none, the status of that.
 */
export function rightOf(
  context: CompoundContext,
  file: FileRef,
  { claim, access }: {
    readonly claim: OpenClaim;
    /** OPEN4_SHARE_ACCESS_* that is asked for. */
    readonly access: number;
  },
): OpenRight | StatusCode {
  switch (claim.type) {
    case "null":
    case "fh":
      return ANEW;
    case "previous":
      return HELD_BEFORE;
    case "delegate-prev":
      // RFC 8881 18.5.3, RFC 7530 16.16.5: where there is no DELEGPURGE.
      return Status.NOTSUPP;
    case "delegate-cur":
    case "deleg-cur-fh": {
      const state = resolveState(context, claim.stateid, file, TO_USE);
      if (isStatus(state)) return state;
      const covers = state.kind === "delegation" &&
        (state.type === "write" || (access & Share.ACCESS_WRITE) === 0);
      if (!covers) return Status.BAD_STATEID;
      // RFC 8881 10.4.4: what a program opened under the delegation stays open,
      // whatever has become of the file's mode and owner.
      const { uid } = context.callerOf(file);
      const permitted = state.uid === uid ? state.checked : 0;
      return { ...HELD_BEFORE, permitted };
    }
  }
}
