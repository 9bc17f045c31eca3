import { type Awaitable, wait } from "../../base/awaitable.ts";
import { emptyBitmap, writeBitmap } from "../../nfs4/bitmap.ts";
import { isStatus, Status, type StatusCode } from "../../nfs4/constants.ts";
import {
  readSetAttributes,
  type SetAttributes,
} from "../../nfs4/set_attributes.ts";
import { readStateid, type Stateid } from "../../nfs4/types.ts";
import type { AttributeChanges } from "../../vfs/file_system.ts";
import { type Rights, rightsOf } from "../../vfs/wanted.ts";
import { acesOf } from "../../vfs/acl.ts";
import { completeChanges, refuseChanges } from "../../vfs/permissions.ts";
import { timesOfHolder } from "../attributes/delegated_times.ts";
import { RIGHTS_AND_OFFER } from "../attributes/attribute_table.ts";
import { attributesOf } from "../files/attributes_of.ts";
import { changing } from "../files/changing.ts";
import { checkDelegations, FileUse } from "../locking/conflicts.ts";
import type { CompoundContext } from "../context.ts";
import { largestSizeOf } from "../files/file_ranges.ts";
import { checkNewList } from "../files/new_list.ts";
import { statusOfRefusal } from "../files/folder_access.ts";
import { authorizeIo } from "../locking/authorize_io.ts";
import { resolveState, specialOf, TO_USE } from "../locking/resolve_stateid.ts";
import type { Operation } from "../operation.ts";

/** Arguments of SETATTR. */
export interface SetattrArgs {
  /** Under which a new size is written. */
  readonly stateid: Stateid;
  /** What to set. */
  readonly attributes: SetAttributes;
}

/** SETATTR (RFC 8881 18.30, RFC 7530 16.32): all of the attributes, or none. */
export const setattr: Operation<SetattrArgs, "setattr"> = {
  decode: (xdr, minorVersion) => ({
    stateid: readStateid(xdr),
    attributes: readSetAttributes(xdr, { minorVersion, purpose: "set" }),
  }),

  *run(context, { stateid, attributes: wanted }) {
    const { file, minorVersion, reply, services } = context;
    const { namespace, state } = services;
    const attributes = yield* wait(attributesOf(file, RIGHTS_AND_OFFER));
    const settable = services.attributes.checkSettable(minorVersion, file, {
      attributes,
      wanted,
    });
    if (settable !== Status.OK) return settable;
    const { requested, changes } = wanted;
    if (requested.isEmpty) {
      writeBitmap(reply, requested);
      return Status.OK;
    }
    if (changes.size !== undefined) {
      const { size } = changes;
      const status = yield* wait(
        checkSize(context, { stateid, size, attributes }),
      );
      if (status !== Status.OK) return status;
    } else if (minorVersion === 0 && specialOf(stateid) === undefined) {
      // RFC 7530 9.5: it renews the lease; whether it is any good is of no matter.
      resolveState(context, stateid, file, TO_USE);
    }
    const times = changes.delegated &&
      (yield* timesOfHolder(context, stateid, changes.delegated));
    if (isStatus(times)) return times;
    const list = checkNewList(changes, attributes.type, attributes);
    if (list !== Status.OK) return list;
    const caller = context.callerOf(file);
    const judged = rightsOf(attributes);
    const masked = withMaskedMode(changes, judged);
    const refusal = refuseChanges(judged, caller, masked);
    if (refusal !== undefined) return statusOfRefusal(refusal);
    // RFC 8881 18.30.4: first every other client's delegation is returned.
    const delegations = checkDelegations(context, file, FileUse.SETATTR);
    if (delegations !== Status.OK) return delegations;
    const complete = { ...times, ...completeChanges(judged, caller, masked) };
    // A holder is not believed all that it says.
    const isNothing = times !== undefined &&
      Object.values(complete).every((value) => value === undefined);
    if (isNothing) {
      writeBitmap(reply, requested);
      return Status.OK;
    }
    yield* wait(changing(context, file).setattr(file.node, complete, judged));
    if (complete.mode !== undefined) {
      for (const sight of namespace.sightsOf(file)) {
        state.files.get(sight)?.modeSet();
      }
    }
    writeBitmap(reply, requested);
    return Status.OK;
  },

  // RFC 8881 18.30.3: attrsset comes on failure too; nothing was set.
  encodeFailure: ({ reply }) => writeBitmap(reply, emptyBitmap),
};

function checkSize(
  context: CompoundContext,
  { stateid, size, attributes }: {
    readonly stateid: Stateid;
    readonly size: number;
    readonly attributes: Rights;
  },
): Awaitable<StatusCode> {
  const { file, minorVersion } = context;
  if (attributes.type !== "file") {
    // RFC 7530 13.2 has NFS4ERR_ISDIR here, RFC 8881 15.2 only NFS4ERR_WRONG_TYPE.
    if (minorVersion > 0) return Status.WRONG_TYPE;
    return attributes.type === "directory" ? Status.ISDIR : Status.INVAL;
  }
  if (size > largestSizeOf(file)) return Status.FBIG;
  // RFC 8881 18.30.3: the same locking requirements as a WRITE.
  return authorizeIo(context, stateid, "write");
}

/**
 * RFC 8881 6.2.5: the bits of the mask are set or reset, the others stay; with the
 * nine low ones an access list does (6.4.1.1).
 */
function withMaskedMode(
  { modeMasked, delegated: _, ...changes }: SetAttributes["changes"],
  judged: Rights,
): AttributeChanges {
  if (modeMasked === undefined) return changes;
  const { value, mask } = modeMasked;
  const mode = judged.mode & ~mask | value & mask;
  const acl = mask & 0o777 ? undefined : acesOf(judged);
  return { acl, ...changes, mode };
}
