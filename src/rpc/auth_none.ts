import type { XdrReader } from "../xdr/reader.ts";
import { AuthFlavor, AuthStatus, UNKNOWN } from "./auth.ts";
import {
  type OpenedCall,
  PLAIN,
  readEmptyVerifier,
  type SecurityFlavor,
  skipOpaque,
} from "./security.ts";

const OPENED: OpenedCall = { credential: UNKNOWN, seal: PLAIN };

/** AUTH_NONE (RFC 5531 10.1): what it carries is undefined, so it is not read. */
export const noneFlavor: SecurityFlavor = {
  flavor: AuthFlavor.NONE,
  open(xdr: XdrReader, length: number): OpenedCall | AuthStatus {
    skipOpaque(xdr, length);
    return readEmptyVerifier(xdr) ? OPENED : AuthStatus.BADVERF;
  },
};
