import { dropOpen, type OpenState } from "../../state/opens.ts";
import { type Steps, take, wait } from "../../base/awaitable.ts";
import {
  isStatus,
  type MinorVersion,
  Op,
  Share,
  Status,
  type StatusCode,
} from "../../nfs4/constants.ts";
import type { Client } from "../../state/client.ts";
import { Want } from "../../state/delegations.ts";
import { restartOwner } from "../../state/idle_owners.ts";
import { addOpenOwner, OpenOwner } from "../../state/owners.ts";
import { atLimit } from "../status_at_limit.ts";
import { type ChangingContext, checkWritable } from "../files/changing.ts";
import type { CompoundContext } from "../context.ts";
import { type OpenArgs, readOpenArgs } from "./open/args.ts";
import { findTarget } from "./open/claim.ts";
import { establish, hasAllOpens, type Opening } from "./open/establish.ts";
import { ownerNamed } from "../locking/client_caller.ts";
import { ownerClient } from "../locking/owner_client.ts";
import { delegate } from "./open/delegate.ts";
import { isInPlaceOfOpen } from "./open/xor.ts";
import { writeOpenResult } from "./open/result.ts";
import { withdrawIfRefused } from "./open/withdraw.ts";
import type { Operation } from "../operation.ts";
import { setCurrentStateid } from "../locking/resolve_stateid.ts";
import { inSeqidOrder } from "../locking/owner_seqid.ts";

/** OPEN (RFC 8881 18.16, RFC 7530 16.16). */
export const open: Operation<OpenArgs, "sometimes"> = {
  decode: readOpenArgs,

  run(context, args) {
    const client = ownerClient(context, args.clientid);
    if (isStatus(client)) return client;
    const { states: { openOwners }, account } = client;
    const named = { name: args.owner, owners: openOwners };
    const key = ownerNamed(context, client, named);
    if (context.minorVersion > 0) {
      return openClaimed(context, args, { client, key });
    }
    if (account.isFull && !openOwners.has(key)) return atLimit(context);
    const owner = ownerFor(context, args, { client, key });
    const { seqid } = args;
    const request = { owner, operation: Op.OPEN, seqid };
    return inSeqidOrder(
      context,
      request,
      () => take(openClaimed(context, args, { client, key })),
    );
  },
};

interface OwnerNamed {
  readonly client: Client;
  readonly key: string;
}

/** NFSv4.0: the open owner, ready for this seqid. */
function ownerFor(
  context: CompoundContext,
  args: OpenArgs,
  { client, key }: OwnerNamed,
): OpenOwner {
  const known = client.states.openOwners.get(key);
  if (known === undefined) {
    const owner = new OpenOwner(client, key, context.credential.principal);
    addOpenOwner(owner);
    return owner;
  }
  const { sequence, isConfirmed } = known;
  // RFC 7530 16.18.5: as long as nothing is confirmed, what comes now is the truth.
  const restarts = !isConfirmed && sequence!.pending === undefined &&
    sequence!.order(args.seqid, context.xid) !== "again";
  if (restarts) restartOwner(context.services.state, known);
  return known;
}

function* openClaimed(
  context: ChangingContext<"sometimes">,
  args: OpenArgs,
  { client, key }: OwnerNamed,
): Steps<StatusCode> {
  const { claim, create, shareAccess, shareDeny } = args;
  const { minorVersion, services: { limits, state } } = context;
  const reclaim = claim.type === "previous";
  if (!areSharesValid(args, minorVersion)) return Status.INVAL;
  // RFC 8881 18.16.3: what has no name can't be created.
  if (create !== undefined && !("name" in claim)) return Status.INVAL;
  // RFC 8881 18.16.3: EXCLUSIVE4 has no place where GUARDED4 does the same.
  const isExclusive4 = create?.mode === "exclusive" &&
    create.attributes === undefined;
  if (isExclusive4 && context.session?.isPersistent) return Status.INVAL;
  const inGrace = checkGrace(context, args, client);
  if (inGrace !== Status.OK) return inGrace;
  // Judged in full by `establish`, but before that a file would be created.
  if (create !== undefined && hasAllOpens({ client, ownerKey: key }, limits)) {
    return atLimit(context);
  }
  const access = shareAccess & Share.ACCESS_BOTH;
  // RFC 8881 18.16.3, RFC 7530 16.16.5
  const writable = (access & Share.ACCESS_WRITE) === 0
    ? Status.OK
    : checkWritable(context.file, "write");
  if (writable !== Status.OK) return writable;
  const opening: Opening = {
    client,
    ownerKey: key,
    access,
    deny: shareDeny,
    reclaim,
  };
  const target = yield* findTarget(context, args);
  if (isStatus(target)) return target;
  const open = yield* establish(context, opening, target);
  if (isStatus(open)) return open;
  const { owner } = open;
  // RFC 7530 9.1.11: a reclaim MUST NOT be asked to confirm.
  if (reclaim) owner.isConfirmed = true;
  else if (!owner.isConfirmed) awaitConfirmation(context, open);
  // RFC 8881 20.11.3: the last OPEN's answer counts.
  open.mayNotify = minorVersion > 0 && state.waiting.notifier.canNotify(client);
  const wanted = shareAccess & ~Share.ACCESS_BOTH;
  const offer = yield* wait(delegate(context, open, { claim, wanted }));
  const isReplaced = isInPlaceOfOpen(open, offer, wanted);
  if (isReplaced) dropOpen(state, open);
  context.setCurrent(target.file);
  setCurrentStateid(context, isReplaced ? offer : open);
  writeOpenResult(context, open, { target, wanted, offer, isReplaced });
  withdrawIfRefused(context, open, offer);
  return Status.OK;
}

/** RFC 7530 16.18.5: the last open of an owner that has confirmed none is the truth, also where two were under way. */
function awaitConfirmation(
  { services: { state } }: CompoundContext,
  open: OpenState,
): void {
  const { owner } = open;
  const { unconfirmed } = owner;
  owner.unconfirmed = open;
  if (unconfirmed !== undefined && unconfirmed !== open) {
    dropOpen(state, unconfirmed);
  }
}

/** RFC 8881 18.16.4, RFC 7530 16.16.6: the values that there are. */
function areSharesValid(
  { shareAccess, shareDeny }: OpenArgs,
  minorVersion: MinorVersion,
): boolean {
  if (shareDeny > Share.DENY_BOTH) return false;
  if (minorVersion === 0) {
    return shareAccess > 0 && shareAccess <= Share.ACCESS_BOTH;
  }
  if ((shareAccess & Want.MASK) > Want.CANCEL) return false;
  const access = shareAccess & ~(Want.MASK | Want.BESIDES);
  return access > 0 && access <= Share.ACCESS_BOTH;
}

function checkGrace(
  { services: { state: { grace } } }: CompoundContext,
  { claim }: OpenArgs,
  client: Client,
): StatusCode {
  switch (claim.type) {
    case "previous":
      return grace.checkReclaim(client);
    // RFC 8881 18.16.3: the delegation keeps everything else away.
    case "delegate-cur":
    case "deleg-cur-fh":
      return Status.OK;
    default:
      return grace.checkNew(client);
  }
}
