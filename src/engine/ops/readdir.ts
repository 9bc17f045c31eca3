import { wait } from "../../base/awaitable.ts";
import { type Bitmap, readBitmap } from "../../nfs4/bitmap.ts";
import { Status, VERIFIER_SIZE } from "../../nfs4/constants.ts";
import { MAX_COOKIE } from "../../vfs/checks.ts";
import { Permission, permissionsOf } from "../../vfs/permissions.ts";
import { RIGHTS_AND_OFFER } from "../attributes/attribute_table.ts";
import { attributesOf } from "../files/attributes_of.ts";
import { COOKIE_VERIFIER, RESERVED_COOKIES } from "../files/cookies.ts";
import { DirectoryListing } from "../files/directory_listing.ts";
import type { Operation } from "../operation.ts";

/** Arguments of READDIR. */
export interface ReaddirArgs {
  /** Where to go on: 0, or the cookie of the last entry that the client has. */
  readonly cookie: number;
  /** Goes with the cookie; a view of the request. */
  readonly verifier: Uint8Array;
  /** Hint: most bytes of names and cookies; 0 for none. */
  readonly dirCount: number;
  /** Most bytes of the READDIR4resok. */
  readonly maxCount: number;
  /** Attributes of each entry. */
  readonly requested: Bitmap;
}

/** READDIR (RFC 8881 18.23, RFC 7530 16.24). */
export const readdir: Operation<ReaddirArgs> = {
  decode: (xdr) => ({
    cookie: xdr.uint64Number(),
    verifier: xdr.opaqueFixed(VERIFIER_SIZE),
    dirCount: xdr.uint32(),
    maxCount: xdr.uint32(),
    requested: readBitmap(xdr),
  }),

  *run(context, { cookie, verifier, dirCount, maxCount, requested }) {
    const { file, reply, services } = context;
    const attributes = yield* wait(attributesOf(file, RIGHTS_AND_OFFER));
    // RFC 8881 15.1.2.6, RFC 7530 13.1.2.6
    if (attributes.type !== "directory") return Status.NOTDIR;
    const permissions = permissionsOf(attributes, context.callerOf(file));
    if ((permissions & Permission.READ) === 0) return Status.ACCESS;
    const { minorVersion } = context;
    const offer = services.attributes.offer(minorVersion, file, attributes);
    // RFC 8881 5.5, RFC 7530 5.5: what can only be set can't be got.
    if (requested.meets(offer.setOnly)) return Status.INVAL;
    if (cookie !== 0) {
      if (
        cookie <= RESERVED_COOKIES || cookie > MAX_COOKIE + RESERVED_COOKIES
      ) {
        return Status.BAD_COOKIE;
      }
      if (!isOurs(verifier) && !isNone(verifier)) return Status.NOT_SAME;
    }
    const room = Math.min(maxCount, context.replyRoom);
    reply.opaqueFixed(COOKIE_VERIFIER);
    const listing = new DirectoryListing(context, {
      requested,
      isSearched: (permissions & Permission.EXECUTE) !== 0,
      after: Math.max(0, cookie - RESERVED_COOKIES),
      cookieBase: RESERVED_COOKIES,
      room: room - VERIFIER_SIZE,
      hint: dirCount,
    });
    return yield* listing.write();
  },
};

function isOurs(verifier: Uint8Array): boolean {
  return verifier.every((byte, i) => byte === COOKIE_VERIFIER[i]);
}

/** As with knfsd: some clients (libnfs 4) send zeros with each cookie, which is good for as long as its entry. */
function isNone(verifier: Uint8Array): boolean {
  return verifier.every((byte) => byte === 0);
}
