import { SESSIONID_SIZE, Status } from "../../nfs4/constants.ts";
import { isRegisteredBy } from "../../state/principal.ts";
import type { Operation } from "../operation.ts";

/** DESTROY_SESSION4args (RFC 8881 18.37.1). */
export interface DestroySessionArgs {
  /** dsa_sessionid. */
  readonly session: Uint8Array;
}

/** DESTROY_SESSION (RFC 8881 18.37): a session ends, its client's state does not. */
export const destroySession: Operation<DestroySessionArgs, "state"> = {
  decode(xdr) {
    return { session: xdr.opaqueFixed(SESSIONID_SIZE) };
  },

  run(context, args) {
    const { sessions } = context.services.state;
    const session = sessions.find(args.session);
    if (session === undefined) return Status.BADSESSION;
    const own = context.session === session;
    const last = context.operationIndex === context.operationCount - 1;
    // RFC 8881 18.37.3: its own session ends with the COMPOUND.
    if (own && !last) return Status.NOT_ONLY_OP;
    // RFC 8881 18.37.3: "MUST be invoked on a connection that is associated
    // with the session", which keeps strangers from ending it.
    if (!session.connections.has(context.connection)) {
      return Status.CONN_NOT_BOUND_TO_SESSION;
    }
    // SEQUENCE of any of the client's users binds a connection, too.
    if (!isRegisteredBy(session.client, context.credential)) {
      return Status.WRONG_CRED;
    }
    // A request that runs must find its slot, or its retry would run it again.
    if (session.slots.busy > (own ? 1 : 0)) return Status.DELAY;
    sessions.destroy(session, "destroyed-session");
    return Status.OK;
  },
};
