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
    const client = state.clients.find(args.id, 0);
    const isNew = client?.isConfirmed === false;
    const status = confirmClientId(state, { ...args, principal });
    if (status !== Status.OK || client === undefined) return status;
    noteConnection(context, client);
    // A new incarnation sends nothing again that one before it has sent.
    if (isNew) state.duplicates.begins(context.connection);
    return status;
  },
};
