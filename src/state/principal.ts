import type { Credential } from "../rpc/auth.ts";

/**
 * Whether a caller may do to a client and its sessions what only the client
 * itself does (RFC 8881 2.10.8.3): it is who registered it. Ids alone are no
 * proof, for LOCK4denied tells a clientid to any client that a lock keeps out.
 */
export function isRegisteredBy(
  client: { readonly principal: string },
  credential: Credential,
): boolean {
  return client.principal === credential.principal;
}
