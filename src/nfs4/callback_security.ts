import type { XdrReader } from "../xdr/reader.ts";
import { XdrError } from "../xdr/error.ts";
import { AuthFlavor } from "../rpc/auth.ts";
import { readAuthSys } from "../rpc/auth_sys.ts";
import { AUTH_NONE, type CallCredential } from "../rpc/call_credential.ts";
import { OPAQUE_LIMIT } from "./constants.ts";

/** Most entries of csa_sec_parms and bca_sec_parms that are read. */
const MAX_PARMS = 64;

/** The client takes callbacks in an RPCSEC_GSS context, which this server has none of. */
export interface CallbackGss {
  /** RPCSEC_GSS. */
  readonly flavor: typeof AuthFlavor.RPCSEC_GSS;
  /** rpc_gss_svc_t (RFC 2203). */
  readonly service: number;
  /** Handle that the server would have given out. */
  readonly handleFromServer: Uint8Array;
  /** Handle for the credential of callbacks. */
  readonly handleFromClient: Uint8Array;
}

/** callback_sec_parms4 (RFC 8881 18.33.1). */
export type CallbackSecParms = CallCredential | CallbackGss;

/** csa_sec_parms or bca_sec_parms, whole; GSS handles are views of the message. */
export function readCallbackSecParms(xdr: XdrReader): CallbackSecParms[] {
  return xdr.array(MAX_PARMS, readParms);
}

/**
 * The credential that callbacks are sent with; undefined when the client
 * allows none that this server can make. AUTH_SYS comes first, because Linux
 * lists AUTH_NONE and then denies a CB_COMPOUND that comes with it.
 */
export function chooseCallbackCredential(
  parms: readonly CallbackSecParms[],
): CallCredential | undefined {
  let none: CallCredential | undefined;
  for (const parm of parms) {
    if (parm.flavor === AuthFlavor.SYS) return parm;
    if (parm.flavor === AuthFlavor.NONE) none = parm;
  }
  return none;
}

function readParms(xdr: XdrReader): CallbackSecParms {
  const flavor = xdr.uint32();
  switch (flavor) {
    case AuthFlavor.NONE:
      return AUTH_NONE;
    case AuthFlavor.SYS:
      return { flavor, ...readAuthSys(xdr) };
    case AuthFlavor.RPCSEC_GSS:
      return {
        flavor,
        service: xdr.uint32(),
        handleFromServer: xdr.opaque(OPAQUE_LIMIT),
        handleFromClient: xdr.opaque(OPAQUE_LIMIT),
      };
  }
  throw new XdrError(`no callback_sec_parms4 of flavor ${flavor}`);
}
