import { notSupported } from "../not_supported.ts";
import type { Operation } from "../operation.ts";

/**
 * DELEGPURGE (RFC 8881 18.5, RFC 7530 16.5). Delegations don't outlive their
 * client, so there is never one to purge, nor to claim by CLAIM_DELEGATE_PREV: and
 * where the one is NFS4ERR_NOTSUPP so must be the other (RFC 7530 10.2.1). OK would
 * tell a client that it may keep what was written on its own disk until then.
 */
export const delegpurge: Operation<bigint> = notSupported((xdr) =>
  xdr.uint64()
);
