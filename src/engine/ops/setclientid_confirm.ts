import { VERIFIER_SIZE } from "../../nfs4/constants.ts";
import { confirmClientId } from "../../state/setclientid.ts";
import type { Operation } from "../operation.ts";

/** SETCLIENTID_CONFIRM4args (RFC 7530 16.34.2). */
export interface SetclientidConfirmArgs {
  /** clientid. */
  readonly id: bigint;
  /** setclientid_confirm. */
  readonly confirm: Uint8Array;
}

/** SETCLIENTID_CONFIRM (RFC 7530 16.34): the client has got SETCLIENTID's answer. */
export const setclientidConfirm: Operation<SetclientidConfirmArgs, "state"> = {
  decode(xdr) {
    return { id: xdr.uint64(), confirm: xdr.opaqueFixed(VERIFIER_SIZE) };
  },

  run(context, args) {
    const { principal } = context.credential;
    return confirmClientId(context.services.state, { ...args, principal });
  },
};
