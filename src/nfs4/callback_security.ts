import type { XdrReader } from "../xdr/reader.ts";
import { XdrError } from "../xdr/error.ts";
import { OPAQUE_LIMIT } from "./constants.ts";

const AUTH_NONE = 0;
const AUTH_SYS = 1;
const RPCSEC_GSS = 6;

/** Most entries of csa_sec_parms and bca_sec_parms that are read. */
const MAX_PARMS = 64;
const MAX_MACHINE_NAME = 255;
const MAX_GIDS = 16;
const lossyUtf8 = new TextDecoder();

/** The client takes callbacks without a credential. */
export interface CallbackNone {
  /** AUTH_NONE. */
  readonly flavor: typeof AUTH_NONE;
}

/** The client takes callbacks with this AUTH_SYS credential (RFC 5531 appendix A). */
export interface CallbackSys {
  /** AUTH_SYS. */
  readonly flavor: typeof AUTH_SYS;
  /** Arbitrary number. */
  readonly stamp: number;
  /** Name of the machine. */
  readonly machineName: string;
  /** User. */
  readonly uid: number;
  /** Group. */
  readonly gid: number;
  /** Further groups, at most 16. */
  readonly gids: readonly number[];
}

/** The client takes callbacks in an RPCSEC_GSS context, which this server has none of. */
export interface CallbackGss {
  /** RPCSEC_GSS. */
  readonly flavor: typeof RPCSEC_GSS;
  /** rpc_gss_svc_t (RFC 2203). */
  readonly service: number;
  /** Handle that the server would have given out. */
  readonly handleFromServer: Uint8Array;
  /** Handle for the credential of callbacks. */
  readonly handleFromClient: Uint8Array;
}

/** callback_sec_parms4 (RFC 8881 18.33.1). */
export type CallbackSecParms = CallbackNone | CallbackSys | CallbackGss;

/** What a callback can be sent with. */
export type CallbackCredential = CallbackNone | CallbackSys;

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
): CallbackCredential | undefined {
  let none: CallbackNone | undefined;
  for (const parm of parms) {
    if (parm.flavor === AUTH_SYS) return parm;
    if (parm.flavor === AUTH_NONE) none = parm;
  }
  return none;
}

function readParms(xdr: XdrReader): CallbackSecParms {
  const flavor = xdr.uint32();
  switch (flavor) {
    case AUTH_NONE:
      return { flavor };
    case AUTH_SYS:
      return {
        flavor,
        stamp: xdr.uint32(),
        machineName: lossyUtf8.decode(xdr.opaque(MAX_MACHINE_NAME)),
        uid: xdr.uint32(),
        gid: xdr.uint32(),
        gids: xdr.array(MAX_GIDS, (item) => item.uint32()),
      };
    case RPCSEC_GSS:
      return {
        flavor,
        service: xdr.uint32(),
        handleFromServer: xdr.opaque(OPAQUE_LIMIT),
        handleFromClient: xdr.opaque(OPAQUE_LIMIT),
      };
  }
  throw new XdrError(`no callback_sec_parms4 of flavor ${flavor}`);
}
