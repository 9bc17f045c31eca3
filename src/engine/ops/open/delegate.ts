import {
  type Awaitable,
  type Steps,
  take,
  wait,
} from "../../../base/awaitable.ts";
import {
  type Delegation,
  type FileTimes,
  isReason,
  type OpenGrant,
  Want,
  WhyNoDelegation,
} from "../../../state/delegations.ts";
import type { OpenState } from "../../../state/opens.ts";
import type { CompoundContext } from "../../context.ts";
import type { OpenClaim } from "./args.ts";
import { Share, Status } from "../../../nfs4/constants.ts";
import { type Rights, rightsAnd } from "../../../vfs/wanted.ts";
import { attributesOf } from "../../files/attributes_of.ts";
import { checkContent } from "../../files/file_access.ts";
import { grantGuarded } from "../../locking/grant_guarded.ts";

/** What a delegation for writing begins with, and what tells who may have it. */
const BEGINNING_AND_RIGHTS = rightsAnd("change", "atime", "mtime");

/** What an OPEN says about delegations. */
export interface DelegationWish {
  /** By what right the file is opened. */
  readonly claim: OpenClaim;
  /** OPEN4_SHARE_ACCESS_WANT_* */
  readonly wanted: number;
}

/** The delegation that goes with an OPEN, or why there is none. */
export function delegate(
  context: CompoundContext,
  open: OpenState,
  wish: DelegationWish,
): Awaitable<Delegation | WhyNoDelegation> {
  const offer = offerFor(context, open, wish);
  if (isReason(offer)) return offer;
  return offer.type === "read"
    ? grant(context, open, offer)
    : take(delegateWriting(context, open, wish));
}

/**
 * A delegation for writing, with the change attribute that it begins with. What one
 * that is reclaimed began with its holder alone knows.
 */
function* delegateWriting(
  context: CompoundContext,
  open: OpenState,
  wish: DelegationWish,
): Steps<Delegation | WhyNoDelegation> {
  const { file } = open.file;
  let change: number;
  let times: FileTimes | undefined;
  try {
    const attributes = yield* wait(attributesOf(file, BEGINNING_AND_RIGHTS));
    if (!mayWrite(context, open, attributes)) return WhyNoDelegation.RESOURCE;
    ({ change } = attributes);
    const { atime, mtime } = attributes;
    times = isTimed(context, wish) ? { atime, mtime } : undefined;
  } catch {
    // The file is open by now, whatever the file system says: no delegation is no error.
    return WhyNoDelegation.RESOURCE;
  }
  // While the file system was busy, another client may have opened the file.
  const offer = offerFor(context, open, wish);
  if (isReason(offer)) return offer;
  const isReclaimed = wish.claim.type === "previous";
  const timed = { ...offer, times };
  return grant(context, open, isReclaimed ? timed : { ...timed, change });
}

/** Whether the client of an OPEN would say what times the file has (RFC 9754). */
function isTimed(
  { minorVersion }: CompoundContext,
  { claim, wanted }: DelegationWish,
): boolean {
  if (minorVersion < 2) return false;
  return claim.type === "previous"
    ? claim.delegation === WRITE_WITH_TIMES
    : (wanted & Want.DELEG_TIMESTAMPS) !== 0;
}

/**
 * Whether the user of an open may write its file. With an open that only reads
 * a client may still reclaim a delegation for writing, which came with another
 * open before the server's restart.
 */
function mayWrite(
  context: CompoundContext,
  { access, file: { file } }: OpenState,
  attributes: Rights,
): boolean {
  if ((access & Share.ACCESS_WRITE) !== 0) return true;
  const by = { write: true, ownerAlways: true };
  const status = checkContent(attributes, context.callerOf(file), by);
  return status === Status.OK;
}

function offerFor(
  context: CompoundContext,
  open: OpenState,
  { claim, wanted }: DelegationWish,
): OpenGrant | WhyNoDelegation {
  const want = wanted & Want.MASK;
  if (want === Want.NO_DELEGATION) return WhyNoDelegation.NOT_WANTED;
  if (want === Want.CANCEL) return WhyNoDelegation.CANCELLED;
  const isOpen = open.file.opens.get(open.owner) === open;
  if (!isOpen) return WhyNoDelegation.RESOURCE;
  const { policy } = context.services.state.files;
  const { isConfirmed } = open.owner;
  // NFSv4.0: the answer is to go to the client that will be asked to return it.
  const isClients = context.clientAt(open.file.file.key) === open.client;
  const mayHave = isClients && isConfirmed;
  if (claim.type === "previous" && mayHave) {
    const type = RECLAIMED[claim.delegation];
    if (type === undefined) return WhyNoDelegation.RESOURCE;
    return policy.reclaim?.(open, type) ?? WhyNoDelegation.RESOURCE;
  }
  // The policy is to know of every OPEN.
  const type = policy.offer(open, wanted);
  if (isReason(type)) return type;
  // RFC 7530 9.1.11: none with an open that needs confirmation.
  return mayHave ? { type } : WhyNoDelegation.RESOURCE;
}

/** open_delegation_type4; OPEN_DELEGATE_NONE_EXT is none. */
const RECLAIMED = [
  ...[undefined, "read", "write"],
  ...[undefined, "read", "write"],
] as const;
/** OPEN_DELEGATE_WRITE_ATTRS_DELEG (RFC 9754) */
const WRITE_WITH_TIMES = 5;

function grant(
  context: CompoundContext,
  open: OpenState,
  offer: OpenGrant,
): Delegation | WhyNoDelegation {
  return grantGuarded(context, open.file.file, offer, () => open) ??
    WhyNoDelegation.RESOURCE;
}
