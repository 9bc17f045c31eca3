import { isStatus, Status } from "../../nfs4/constants.ts";
import type { Client } from "../../state/client.ts";
import { isRegisteredBy } from "../../state/principal.ts";
import type { CompoundContext } from "../context.ts";
import { mayName, noteConnection } from "../locking/client_caller.ts";
import type { Operation } from "../operation.ts";

/** RENEW4args (RFC 7530 16.28.2). */
export interface RenewArgs {
  /** clientid. */
  readonly id: bigint;
}

/** RENEW (RFC 7530 16.28): an NFSv4.0 client is still there. */
export const renew: Operation<RenewArgs> = {
  decode(xdr) {
    return { id: xdr.uint64() };
  },

  run(context, args) {
    const { clients, clock } = context.services.state;
    const known = clients.find(args.id, 0);
    if (known?.isConfirmed && !mayRenew(context, known)) return Status.ACCESS;
    const client = clients.confirmed(args.id);
    if (isStatus(client)) return client;
    noteConnection(context, client);
    // RFC 7530 16.28.5: the lease is renewed by now, all the same.
    if (client.isCallbackPathDown && client.states.delegations > 0) {
      client.toldPathDownAt ??= clock.now();
      return Status.CB_PATH_DOWN;
    }
    client.renewedUnawareAt = clock.now();
    return Status.OK;
  },
};

/** RFC 7530 16.28.5: the user who registered the client, or one who has a file open. */
function mayRenew(context: CompoundContext, client: Client): boolean {
  if (isRegisteredBy(client, context.credential)) return true;
  const { user } = context.credential;
  return user !== undefined && client.states.openers.has(user.uid) &&
    mayName(context, client);
}
