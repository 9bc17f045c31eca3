import {
  isStatus,
  OPAQUE_LIMIT,
  Status,
  VERIFIER_SIZE,
} from "../../nfs4/constants.ts";
import type { CallbackLocation } from "../../state/client.ts";
import { setClientId } from "../../state/setclientid.ts";
import type { Operation } from "../operation.ts";

/** Characters of the longest universal address, an IPv6 address and a port; a netid has fewer. */
const MAX_ADDRESS = 64;

/** SETCLIENTID4args (RFC 7530 16.33.2). */
export interface SetclientidArgs {
  /** client.verifier. */
  readonly verifier: Uint8Array;
  /** client.id. */
  readonly owner: Uint8Array;
  /** callback and callback_ident. */
  readonly callback: Omit<CallbackLocation, "peer" | "local">;
}

/** SETCLIENTID (RFC 7530 16.33): an NFSv4.0 client makes itself known. */
export const setclientid: Operation<SetclientidArgs, "state"> = {
  decode(xdr) {
    return {
      verifier: xdr.opaqueFixed(VERIFIER_SIZE),
      owner: xdr.opaque(OPAQUE_LIMIT),
      callback: {
        program: xdr.uint32(),
        netid: keepable(xdr.string(OPAQUE_LIMIT)),
        address: keepable(xdr.string(OPAQUE_LIMIT)),
        ident: xdr.uint32(),
      },
    };
  },

  run(context, args) {
    const { reply, credential, services, connection } = context;
    const { hostname: peer } = connection.peer;
    const registered = setClientId(services.state, {
      ...args,
      callback: { ...args.callback, peer, local: connection.local },
      party: connection.party,
      principal: credential.principal,
    });
    if (isStatus(registered)) return registered;
    reply.uint64(registered.id);
    reply.opaqueFixed(registered.confirm);
    return Status.OK;
  },

  encodeFailure(context, status) {
    if (status !== Status.CLID_INUSE) return;
    // client_using: where another client is reached is not for a stranger.
    context.reply.string("");
    context.reply.string("");
  },
};

/** What is longer leads nowhere, and is not kept with the client: it would cost more than the client does. */
function keepable(text: string): string {
  return text.length <= MAX_ADDRESS ? text : "";
}
