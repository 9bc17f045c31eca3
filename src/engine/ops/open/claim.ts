import { type Steps, wait } from "../../../base/awaitable.ts";
import {
  isStatus,
  Share,
  Status,
  type StatusCode,
} from "../../../nfs4/constants.ts";
import type { Stateid } from "../../../nfs4/types.ts";
import type { FileRef } from "../../../vfs/file_handle.ts";
import { RIGHTS } from "../../../vfs/wanted.ts";
import { attributesOf } from "../../files/attributes_of.ts";
import type { ChangingContext } from "../../files/changing.ts";
import type { CompoundContext } from "../../context.ts";
import { resolveState, TO_USE } from "../../locking/resolve_stateid.ts";
import type { OpenArgs, OpenClaim } from "./args.ts";
import { type NamedOpen, openByName } from "./by_name.ts";
import { existingTarget, type OpenTarget } from "./target.ts";
import { unmake } from "./unmake.ts";

/** A claim of a file that its name is not needed for. */
type HandleClaim = Exclude<OpenClaim, { readonly name: Uint8Array }>;

/** The file that an OPEN claims (RFC 8881 18.16.3). */
export function findTarget(
  context: ChangingContext<"sometimes">,
  { claim, create, shareAccess }: OpenArgs,
): Steps<OpenTarget | StatusCode> {
  const access = shareAccess & Share.ACCESS_BOTH;
  if (!("name" in claim)) return byHandle(context, claim, access);
  const open = { name: claim.name, access, create };
  return claim.type === "null"
    ? openByName(context, open)
    : byNameDelegated(context, open, claim.stateid);
}

/** CLAIM_DELEGATE_CUR */
function* byNameDelegated(
  context: ChangingContext<"sometimes">,
  open: NamedOpen,
  stateid: Stateid,
): Steps<OpenTarget | StatusCode> {
  const target = yield* openByName(context, open);
  if (isStatus(target)) return target;
  const { access } = open;
  const status = checkClaim(context, target.file, { stateid, access });
  if (status === Status.OK) return target;
  yield* unmake(context, target);
  return status;
}

/** What opens the current filehandle. */
function* byHandle(
  context: CompoundContext,
  claim: HandleClaim,
  access: number,
): Steps<OpenTarget | StatusCode> {
  const { file } = context;
  // RFC 8881 18.5.3, RFC 7530 16.16.5: where there is no DELEGPURGE.
  if (claim.type === "delegate-prev") return Status.NOTSUPP;
  if (claim.type === "deleg-cur-fh") {
    const { stateid } = claim;
    const status = checkClaim(context, file, { stateid, access });
    if (status !== Status.OK) return status;
  }
  const attributes = yield* wait(attributesOf(file, RIGHTS));
  const ownerAlways = claim.type !== "fh";
  return existingTarget(context, file, { attributes, access, ownerAlways });
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
  const state = resolveState(context, stateid, file, TO_USE);
  if (isStatus(state)) return state;
  const covers = state.kind === "delegation" &&
    (state.type === "write" || (access & Share.ACCESS_WRITE) === 0);
  return covers ? Status.OK : Status.BAD_STATEID;
}
