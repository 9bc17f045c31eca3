import type { Awaitable } from "../../base/awaitable.ts";
import { isStatus, Status, type StatusCode } from "../../nfs4/constants.ts";
import type { Stateid } from "../../nfs4/types.ts";
import type { OpenState } from "../../state/opens.ts";
import type { CompoundContext } from "../context.ts";
import { type ResolveOptions, resolveState } from "./resolve_stateid.ts";
import { sequenced } from "./owner_seqid.ts";

/** A request about an open of the current filehandle. */
export interface OpenRequest {
  /** Number of the operation. */
  readonly operation: number;
  /** Names the open. */
  readonly stateid: Stateid;
  /** NFSv4.0: of the open's owner. */
  readonly seqid: number;
  /** How the stateid is to be judged. */
  readonly resolve: ResolveOptions;
}

/**
 * Does something with the open that a stateid names, once: in NFSv4.0 the
 * owner's seqid is judged first (RFC 7530 9.1.9: NFS4ERR_BAD_SEQID has
 * priority over what is wrong with the stateid).
 */
export function withOpen(
  context: CompoundContext,
  request: OpenRequest,
  act: (open: OpenState) => Awaitable<StatusCode>,
): Awaitable<StatusCode> {
  const { stateid, resolve, operation, seqid } = request;
  const resolved = (): Awaitable<StatusCode> => {
    const state = resolveState(context, stateid, context.file, resolve);
    if (isStatus(state)) return state;
    // RFC 8881 8.2.4, RFC 7530 9.1.4.4: no lock, no delegation.
    return state.kind === "open" ? act(state) : Status.BAD_STATEID;
  };
  if (context.minorVersion > 0) return resolved();
  const known = context.services.state.stateids.find(stateid.other);
  // No owner's: there is no seqid to judge.
  if (known?.kind !== "open" || known.client.protocol !== 0) return resolved();
  const { owner } = known;
  return sequenced(context, { owner, operation, seqid }, resolved);
}
