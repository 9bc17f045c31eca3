import { notSupported } from "../not_supported.ts";
import type { Operation } from "../operation.ts";

/**
 * DELEGPURGE (RFC 8881 18.5, RFC 7530 16.7). Delegations don't outlive their
 * client, so there is never one to purge, nor to claim by CLAIM_DELEGATE_PREV.
 */
export const delegpurge: Operation<bigint> = notSupported((xdr) =>
  xdr.uint64()
);
