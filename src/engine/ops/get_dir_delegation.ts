import { wait } from "../../base/awaitable.ts";
import { emptyBitmap, readBitmap, writeBitmap } from "../../nfs4/bitmap.ts";
import { Share, Status } from "../../nfs4/constants.ts";
import { writeStateid } from "../../nfs4/types.ts";
import type { Delegation } from "../../state/delegations.ts";
import { Permission, permissionsOf } from "../../vfs/permissions.ts";
import { RIGHTS } from "../../vfs/wanted.ts";
import type { XdrReader } from "../../xdr/reader.ts";
import type { CompoundContext } from "../context.ts";
import { attributesOf } from "../files/attributes_of.ts";
import { COOKIE_VERIFIER } from "../files/cookies.ts";
import { grantGuarded } from "../locking/grant_guarded.ts";
import { setCurrentStateid } from "../locking/resolve_stateid.ts";
import type { Operation } from "../operation.ts";

/** gddrnf4_status */
const GDD4_OK = 0;
const GDD4_UNAVAIL = 1;

/** GET_DIR_DELEGATION (RFC 8881 18.39). */
export const getDirDelegation: Operation<void, "state"> = {
  decode(xdr) {
    xdr.bool();
    readBitmap(xdr);
    readTime(xdr);
    readTime(xdr);
    readBitmap(xdr);
    readBitmap(xdr);
  },

  *run(context) {
    const { file, reply } = context;
    const attributes = yield* wait(attributesOf(file, RIGHTS));
    if (attributes.type !== "directory") return Status.NOTDIR;
    const permissions = permissionsOf(attributes, context.callerOf(file));
    // Linux asks along with a stat, which needs no such right: no error.
    const mayList = (permissions & Permission.READ) !== 0;
    const delegation = mayList ? delegate(context) : undefined;
    if (delegation === undefined) {
      reply.uint32(GDD4_UNAVAIL);
      // Clients are not told later.
      reply.bool(false);
      return Status.OK;
    }
    context.hasChanged = true;
    setCurrentStateid(context, delegation);
    reply.uint32(GDD4_OK);
    reply.opaqueFixed(COOKIE_VERIFIER);
    writeStateid(reply, delegation);
    // No notifications, and attributes of neither entries nor folder with them.
    for (let i = 0; i < 3; i++) writeBitmap(reply, emptyBitmap);
    return Status.OK;
  },
};

function delegate(context: CompoundContext): Delegation | undefined {
  const { client, file, services: { state } } = context;
  // Its client may have ended while the file system was busy.
  if (client === undefined || client.isGone) return undefined;
  if (state.files.policy.offersFolder?.(client, file) !== true) {
    return undefined;
  }
  return grantGuarded(context, file, { type: "directory" }, () => ({
    client,
    file: state.files.obtain(file, client),
    uid: context.callerOf(file).uid,
    access: Share.ACCESS_READ,
  }));
}

/** attr_notice4, an nfstime4. */
function readTime(xdr: XdrReader): void {
  xdr.int64();
  xdr.uint32();
}
