import { SESSIONID_SIZE, Status } from "../../nfs4/constants.ts";
import {
  ClientDirection,
  Direction,
  type DirectionBits,
} from "../../nfs4/sessions.ts";
import { isRegisteredBy } from "../../state/principal.ts";
import type { Session } from "../../state/session.ts";
import { XdrError } from "../../xdr/error.ts";
import type { Operation } from "../operation.ts";

/** One of the values of {@linkcode ClientDirection}. */
type Asked = (typeof ClientDirection)[keyof typeof ClientDirection];

/** BIND_CONN_TO_SESSION4args (RFC 8881 18.34.1). */
export interface BindConnToSessionArgs {
  /** bctsa_sessid. */
  readonly session: Uint8Array;
  /** bctsa_dir. */
  readonly direction: Asked;
}

/** BIND_CONN_TO_SESSION (RFC 8881 18.34): another connection for a session. */
export const bindConnToSession: Operation<BindConnToSessionArgs, "state"> = {
  decode(xdr) {
    const session = xdr.opaqueFixed(SESSIONID_SIZE);
    const direction = xdr.uint32();
    xdr.bool(); // bctsa_use_conn_in_rdma_mode: there is no RDMA, the answer says so
    return { session, direction: asDirection(direction) };
  },

  run(context, args) {
    // RFC 8881 18.34.3: the only operation, without SEQUENCE too.
    if (context.operationCount !== 1) return Status.NOT_ONLY_OP;
    const { connection, reply } = context;
    const { sessions } = context.services.state;
    const session = sessions.find(args.session);
    if (session === undefined) return Status.BADSESSION;
    // A back channel carries what the server tells its client, and may reach no
    // other.
    if (!isRegisteredBy(session.client, context.credential)) {
      return Status.WRONG_CRED;
    }
    const bound = session.connections.get(connection)?.direction;
    const direction = choose(session, args.direction, bound);
    if (direction === undefined) return Status.INVAL;
    const isFirst = direction & Direction.BACK && !session.hasBackchannel;
    if (isFirst && !session.client.account.admits()) return Status.DELAY;
    sessions.bind(session, connection, direction);
    reply.opaqueFixed(session.id);
    reply.uint32(direction);
    reply.bool(false);
    return Status.OK;
  },
};

/** What the connection is bound to afterwards; undefined for NFS4ERR_INVAL. */
function choose(
  session: Session,
  asked: Asked,
  bound: DirectionBits | undefined,
): DirectionBits | undefined {
  switch (asked) {
    case ClientDirection.FORE:
      return agreed(Direction.FORE, bound);
    case ClientDirection.BACK:
      return session.canCallBack ? agreed(Direction.BACK, bound) : undefined;
    // An association that SEQUENCE made does not keep these from both channels.
    case ClientDirection.FORE_OR_BOTH:
      return session.canCallBack ? Direction.BOTH : Direction.FORE;
    case ClientDirection.BACK_OR_BOTH:
      return session.canCallBack ? Direction.BOTH : undefined;
  }
}

/** RFC 8881 18.34.3: a connection that is bound already must not demand other channels. */
function agreed(
  demanded: DirectionBits,
  bound: DirectionBits | undefined,
): DirectionBits | undefined {
  return bound === undefined || bound === demanded ? demanded : undefined;
}

function asDirection(value: number): Asked {
  for (const direction of Object.values(ClientDirection)) {
    if (value === direction) return direction;
  }
  throw new XdrError(`no channel_dir_from_client4 of ${value}`);
}
