import { readBitmap } from "../../nfs4/bitmap.ts";
import type { XdrReader } from "../../xdr/reader.ts";
import { notSupported } from "../not_supported.ts";
import type { Operation } from "../operation.ts";

/** GET_DIR_DELEGATION (RFC 8881 18.39). */
export const getDirDelegation: Operation<void> = notSupported((xdr) => {
  xdr.bool();
  readBitmap(xdr);
  readTime(xdr);
  readTime(xdr);
  readBitmap(xdr);
  readBitmap(xdr);
});

/** attr_notice4, an nfstime4. */
function readTime(xdr: XdrReader): void {
  xdr.int64();
  xdr.uint32();
}
