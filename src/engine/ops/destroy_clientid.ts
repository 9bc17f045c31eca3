import { Status } from "../../nfs4/constants.ts";
import { isRegisteredBy } from "../../state/principal.ts";
import type { Operation } from "../operation.ts";

/** DESTROY_CLIENTID4args (RFC 8881 18.50.1). */
export interface DestroyClientidArgs {
  /** dca_clientid. */
  readonly clientid: bigint;
}

/** DESTROY_CLIENTID (RFC 8881 18.50): a client that holds nothing says goodbye. */
export const destroyClientid: Operation<DestroyClientidArgs, "state"> = {
  decode(xdr) {
    return { clientid: xdr.uint64() };
  },

  run(context, args) {
    const { state } = context.services;
    const client = state.clients.find(args.clientid, 1);
    if (client === undefined) return Status.STALE_CLIENTID;
    if (!isRegisteredBy(client, context.credential)) return Status.WRONG_CRED;
    state.sessions.dropAbandoned(client);
    // RFC 8881 18.50.3: sessions and state of an unexpired lease; the client
    // of this COMPOUND's own SEQUENCE has just renewed it.
    if (state.holdsOn(client)) return Status.CLIENTID_BUSY;
    state.dropClient(client, "destroyed");
    return Status.OK;
  },
};
