import {
  type Standing,
  type Trust,
  UNKNOWN,
  type UserNumbers,
} from "../rpc/auth.ts";
import { sysCredential, type Voucher } from "../rpc/auth_sys.ts";

/** What is known of the other end of a connection. */
export interface Bearer {
  /** The user who holds it; `undefined`: one on this host of whom nothing is known. */
  readonly holder: UserNumbers | "elsewhere" | undefined;
  /** Whether only root may take its port. */
  readonly isPrivileged: boolean;
}

const ROOT = 0;

/** What may have to speak for callers, the strictest way first. */
export const TRUSTS = [
  "owner",
  "port",
  "any",
] as const satisfies readonly Trust[];

/**
 * Judges the AUTH_SYS credentials that come from one bearer. `strictest`: of all
 * exports' terms; whatever belongs to no export, as the principal of a client
 * does, goes by it.
 */
export function voucherFor(bearer: Bearer, strictest: Trust): Voucher {
  return (claimed) => {
    const standing = standingOf(claimed, bearer);
    const judged = standing[strictest];
    return judged === undefined
      ? { ...UNKNOWN, standing }
      : sysCredential(judged, standing);
  };
}

/** The strictest of several ways. */
export function strictestOf(ways: readonly Trust[]): Trust {
  return TRUSTS.find((way) => ways.includes(way)) ?? "any";
}

function standingOf(
  claimed: UserNumbers,
  { holder, isPrivileged }: Bearer,
): Standing {
  // Root speaks for its users, as every kernel mount does. From elsewhere there
  // is no more than the caller's word.
  const isBelieved = holder === "elsewhere" || holder?.uid === ROOT;
  return {
    owner: isBelieved ? claimed : holder,
    port: isPrivileged ? claimed : undefined,
    any: claimed,
  };
}
