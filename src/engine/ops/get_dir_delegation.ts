import { wait } from "../../base/awaitable.ts";
import {
  type Bitmap,
  emptyBitmap,
  readBitmap,
  writeBitmap,
} from "../../nfs4/bitmap.ts";
import { Share, Status } from "../../nfs4/constants.ts";
import { writeStateid } from "../../nfs4/types.ts";
import { ENTRY_NOTICES } from "../../nfs4/notifications.ts";
import type { Delegation, NoticeTerms } from "../../state/delegations.ts";
import { Permission, permissionsOf } from "../../vfs/permissions.ts";
import { RIGHTS } from "../../vfs/wanted.ts";
import type { XdrReader } from "../../xdr/reader.ts";
import type { CompoundContext } from "../context.ts";
import { attributesOf } from "../files/attributes_of.ts";
import { COOKIE_VERIFIER } from "../files/cookies.ts";
import { TOLD_ATTRIBUTES } from "../files/folder_news.ts";
import { grantGuarded } from "../locking/grant_guarded.ts";
import { setCurrentStateid } from "../locking/resolve_stateid.ts";
import type { Operation } from "../operation.ts";

/** gddrnf4_status */
const GDD4_OK = 0;
const GDD4_UNAVAIL = 1;

/** Arguments of GET_DIR_DELEGATION that something is made of. */
export interface GetDirDelegationArgs {
  /** notify_type4s: what the client wants to be told of. */
  readonly types: Bitmap;
  /** The attributes of entries that it wants to be told. */
  readonly childAttributes: Bitmap;
}

/** GET_DIR_DELEGATION (RFC 8881 18.39). */
export const getDirDelegation: Operation<GetDirDelegationArgs, "state"> = {
  decode(xdr) {
    xdr.bool();
    const types = readBitmap(xdr);
    readTime(xdr);
    readTime(xdr);
    const childAttributes = readBitmap(xdr);
    readBitmap(xdr);
    return { types, childAttributes };
  },

  *run(context, args) {
    const { file, reply } = context;
    const attributes = yield* wait(attributesOf(file, RIGHTS));
    if (attributes.type !== "directory") return Status.NOTDIR;
    const permissions = permissionsOf(attributes, context.callerOf(file));
    // Linux asks along with a stat, which needs no such right: no error.
    const mayList = (permissions & Permission.READ) !== 0;
    const isSearched = (permissions & Permission.EXECUTE) !== 0;
    const delegation = mayList
      ? delegate(
        context,
        isSearched ? args : { ...args, childAttributes: emptyBitmap },
      )
      : undefined;
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
    const { notices } = delegation;
    writeBitmap(reply, notices?.types ?? emptyBitmap);
    writeBitmap(reply, notices?.attributes ?? emptyBitmap);
    // What becomes of the folder's own attributes is not told.
    writeBitmap(reply, emptyBitmap);
    return Status.OK;
  },
};

function delegate(
  context: CompoundContext,
  args: GetDirDelegationArgs,
): Delegation | undefined {
  const { client, file, services: { state } } = context;
  // Its client may have ended while the file system was busy.
  if (client === undefined || client.isGone) return undefined;
  if (state.files.policy.offersFolder?.(client, file) !== true) {
    return undefined;
  }
  const grant = { type: "directory", notices: termsOf(context, args) } as const;
  return grantGuarded(context, file, grant, () => ({
    client,
    file: state.files.obtain(file, client),
    uid: context.callerOf(file).uid,
    access: Share.ACCESS_READ,
  }));
}

/** What the client is told of changes that it asked for. */
function termsOf(
  { client, file, session, minorVersion, services: { state } }: CompoundContext,
  args: GetDirDelegationArgs,
): NoticeTerms | undefined {
  const types = args.types.and(ENTRY_NOTICES);
  if (types.isEmpty || client === undefined || session === undefined) {
    return undefined;
  }
  const { fs, hidden } = file.export;
  // Where names are hidden, an entry has no place in what the client has listed.
  const mayTell = fs.place !== undefined && hidden === undefined &&
    state.files.policy.mayTell?.(client, file) === true;
  if (!mayTell) return undefined;
  const attributes = args.childAttributes.and(TOLD_ATTRIBUTES);
  return { types, attributes, minorVersion, session };
}

/** attr_notice4, an nfstime4. */
function readTime(xdr: XdrReader): void {
  xdr.int64();
  xdr.uint32();
}
