import type { XdrWriter } from "../xdr/writer.ts";
import { AuthFlavor } from "./auth.ts";
import { type AuthSysParms, writeAuthSys } from "./auth_sys.ts";

/** Says nothing of the caller. */
export interface CallNone {
  /** AUTH_NONE. */
  readonly flavor: typeof AuthFlavor.NONE;
}

/** Says that a user calls. */
export interface CallSys extends AuthSysParms {
  /** AUTH_SYS. */
  readonly flavor: typeof AuthFlavor.SYS;
}

/** What a call of our own is sent with. */
export type CallCredential = CallNone | CallSys;

/** The one value of {@linkcode CallNone}. */
export const AUTH_NONE: CallNone = { flavor: AuthFlavor.NONE };

/** Writes `credential` as an opaque_auth. */
export function writeCredential(
  xdr: XdrWriter,
  credential: CallCredential,
): void {
  xdr.uint32(credential.flavor);
  const lengthAt = xdr.position;
  xdr.uint32(0);
  if (credential.flavor === AuthFlavor.NONE) return;
  writeAuthSys(xdr, credential);
  xdr.patchUint32(lengthAt, xdr.position - lengthAt - 4);
}
