import { noneFlavor } from "./auth_none.ts";
import { SysFlavor, type Voucher } from "./auth_sys.ts";
import type { SecurityFlavor } from "./security.ts";

/** The flavours that are served on a connection; AUTH_SYS is taken at its word without a `vouch`. */
export function servedFlavors(vouch?: Voucher): readonly SecurityFlavor[] {
  return [new SysFlavor(vouch), noneFlavor];
}
