import { Status, VERIFIER_SIZE } from "../../nfs4/constants.ts";
import { confirmClientId } from "../../state/setclientid.ts";
import { noteConnection } from "../locking/client_caller.ts";
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
    const { credential: { principal }, services: { state } } = context;
    const status = confirmClientId(state, { ...args, principal });
    const client = state.clients.find(args.id, 0);
    if (status === Status.OK && client) noteConnection(context, client);
    return status;
  },
};
