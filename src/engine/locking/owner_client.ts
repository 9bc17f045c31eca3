import { isStatus, Status, type StatusCode } from "../../nfs4/constants.ts";
import type { Client } from "../../state/client.ts";
import type { CompoundContext } from "../context.ts";
import { callerIs, mayName, noteConnection } from "./client_caller.ts";

/**
 * The client that an open or lock owner belongs to. NFSv4.1 takes the session's
 * whatever the clientid (RFC 8881 18.16.3); in NFSv4.0 it must be confirmed, and
 * its lease is renewed (RFC 7530 9.5). To who may not name it, it is not known.
 */
export function ownerClient(
  context: CompoundContext,
  clientid: bigint,
): Client | StatusCode {
  if (context.minorVersion > 0) {
    return context.client ?? Status.OP_NOT_IN_SESSION;
  }
  const { clients } = context.services.state;
  const known = clients.find(clientid, 0);
  if (known !== undefined && !mayName(context, known)) {
    return Status.STALE_CLIENTID;
  }
  const client = clients.confirmed(clientid);
  if (!isStatus(client)) {
    noteConnection(context, client);
    callerIs(context, client);
  }
  return client;
}
