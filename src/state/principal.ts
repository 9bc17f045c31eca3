import { AuthFlavor, type Credential } from "../rpc/auth.ts";

/** Every caller of AUTH_NONE, in {@linkcode principalOf}. */
export const NOBODY = "none";
/** The same in {@linkcode principalNumber}; no AUTH_SYS uid is negative. */
const NOBODYS_NUMBER = -1;

/**
 * Key of the principal that a client is bound to (RFC 8881 18.35.4): with
 * AUTH_SYS the user, whatever groups or machine name came along.
 */
export function principalOf(credential: Credential): string {
  return credential.flavor === AuthFlavor.SYS
    ? `sys:${credential.uid}`
    : NOBODY;
}

/**
 * Whether a caller may do to a client and its sessions what only the client itself
 * does (RFC 8881 2.10.8.3): it is who registered it. Ids alone are no proof, for
 * LOCK4denied tells a clientid to whoever is in the way.
 */
export function isRegisteredBy(
  client: { readonly principal: string },
  credential: Credential,
): boolean {
  return client.principal === principalOf(credential);
}

/** {@linkcode principalOf} as a number, for comparing callers without making a string. */
export function principalNumber(credential: Credential): number {
  return credential.flavor === AuthFlavor.SYS ? credential.uid : NOBODYS_NUMBER;
}
