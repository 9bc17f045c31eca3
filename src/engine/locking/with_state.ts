import {
  type Awaitable,
  type Steps,
  take,
  wait,
} from "../../base/awaitable.ts";
import { isStatus, Status, type StatusCode } from "../../nfs4/constants.ts";
import type { Stateid } from "../../nfs4/types.ts";
import type { LockState } from "../../state/locks.ts";
import type { OpenState } from "../../state/opens.ts";
import type { HeldState } from "../../state/stateids.ts";
import type { CompoundContext } from "../context.ts";
import { type ResolveOptions, resolveState } from "./resolve_stateid.ts";
import { inSeqidOrder } from "./owner_seqid.ts";

/** A request about an open, or a lock state, of the current filehandle. */
export interface StateRequest {
  /** Number of the operation. */
  readonly operation: number;
  /** Names the state. */
  readonly stateid: Stateid;
  /** NFSv4.0: of the state's owner. */
  readonly seqid: number;
  /** How the stateid is to be judged. */
  readonly resolve: ResolveOptions;
  /** What is looked at before that; its refusal uses up the seqid as any other. */
  readonly check?: () => Awaitable<StatusCode>;
}

type Act<State extends HeldState> = (state: State) => Awaitable<StatusCode>;

/**
 * Does something with the open that a stateid names, once: in NFSv4.0 the
 * owner's seqid is judged first (RFC 7530 9.1.9: NFS4ERR_BAD_SEQID has
 * priority over what is wrong with the stateid).
 */
export function withOpen(
  context: CompoundContext,
  request: StateRequest,
  act: Act<OpenState>,
): Awaitable<StatusCode> {
  return withState(context, request, { kind: "open", act });
}

/** The same with the lock state that a stateid names. */
export function withLock(
  context: CompoundContext,
  request: StateRequest,
  act: Act<LockState>,
): Awaitable<StatusCode> {
  return withState(context, request, { kind: "lock", act });
}

function withState<Kind extends "open" | "lock">(
  context: CompoundContext,
  request: StateRequest,
  { kind, act }: {
    readonly kind: Kind;
    readonly act: Act<Extract<HeldState, { readonly kind: Kind }>>;
  },
): Awaitable<StatusCode> {
  const { stateid, resolve, operation, seqid, check } = request;
  const resolved = (): Awaitable<StatusCode> => {
    const state = resolveState(context, stateid, context.file, resolve);
    if (isStatus(state)) return state;
    // RFC 8881 8.2.4, RFC 7530 9.1.4.4: of this kind, and no delegation.
    return state.kind === kind ? act(state as never) : Status.BAD_STATEID;
  };
  const carryOut = check === undefined
    ? resolved
    : () => take(checked(check, resolved));
  if (context.minorVersion > 0) return carryOut();
  const known = context.services.state.stateids.find(stateid.other);
  // No owner's: there is no seqid to judge.
  const isOwned = known !== undefined && known.kind !== "delegation" &&
    known.kind === kind && known.client.protocol === 0;
  if (!isOwned) return carryOut();
  return inSeqidOrder(
    context,
    { owner: known.owner, operation, seqid },
    carryOut,
  );
}

function* checked(
  check: () => Awaitable<StatusCode>,
  act: () => Awaitable<StatusCode>,
): Steps<StatusCode> {
  const status = yield* wait(check());
  return status === Status.OK ? yield* wait(act()) : status;
}
