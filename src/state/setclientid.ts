import { equals } from "@std/bytes";
import { Status, type StatusCode } from "../nfs4/constants.ts";
import { givesWayTo } from "../rpc/party.ts";
import type { CallbackLocation, Client } from "./client.ts";
import type { ServerState } from "./server_state.ts";

/** SETCLIENTID: { v, x, k } of RFC 7530 16.33.5 and the caller's principal. */
export interface SetClientIdRequest {
  /** nfs_client_id4.id. */
  readonly owner: Uint8Array;
  /** nfs_client_id4.verifier. */
  readonly verifier: Uint8Array;
  /** Key of the caller's principal. */
  readonly principal: string;
  /** Of whom it is: the party of its connection. */
  readonly party: string;
  /** Where callbacks go. */
  readonly callback: CallbackLocation;
}

/** { c, s }: what SETCLIENTID answers and SETCLIENTID_CONFIRM brings back. */
export interface ClientIdToConfirm {
  /** clientid4. */
  readonly id: bigint;
  /** setclientid_confirm, 8 bytes. */
  readonly confirm: Uint8Array;
}

/** Records what is to be confirmed; nothing is lost before that (RFC 7530 16.33.5). */
export function setClientId(
  state: ServerState,
  request: SetClientIdRequest,
): ClientIdToConfirm | StatusCode {
  const { owner, verifier, principal, party, callback } = request;
  const { confirmed, unconfirmed } = state.clients.ofOwner(0, owner);
  if (state.grace.isReserved({ protocol: 0, owner, principal })) {
    return Status.CLID_INUSE;
  }
  const confirm = state.clients.newVerifier();
  if (confirmed !== undefined) {
    const samePrincipal = confirmed.principal === principal;
    // RFC 7530 9.1.2: without state, or without a lease, the name is free.
    if (!samePrincipal && state.keepsName(confirmed, request)) {
      return Status.CLID_INUSE;
    }
    if (samePrincipal && equals(confirmed.verifier, verifier)) {
      // Second bullet: probably a new callback for the same clientid.
      if (unconfirmed !== undefined) state.clients.forget(unconfirmed);
      confirmed.update = { confirm, callback, since: state.clock.now() };
      return { id: confirmed.id, confirm };
    }
    confirmed.update = undefined;
  }
  // The other bullets: a new clientid in place of what was not confirmed; but no
  // user of this host does so to root's, time and again.
  if (unconfirmed && givesWayTo(party, unconfirmed.party)) {
    return Status.CLID_INUSE;
  }
  const client = state.clients.register({
    protocol: 0,
    owner,
    verifier,
    principal,
    party,
  });
  if (client === undefined) return Status.RESOURCE;
  client.registration = { confirm, callback };
  return { id: client.id, confirm };
}

/** Confirms { c, s }, or does nothing (RFC 7530 16.34.5). */
export function confirmClientId(
  state: ServerState,
  request: ClientIdToConfirm & { readonly principal: string },
): StatusCode {
  const client = state.clients.find(request.id, 0);
  if (client === undefined) return Status.STALE_CLIENTID;
  const { registration, update } = client;
  const updates = update !== undefined &&
    equals(update.confirm, request.confirm);
  if (!updates && !equals(registration!.confirm, request.confirm)) {
    return Status.STALE_CLIENTID;
  }
  if (client.principal !== request.principal) return Status.CLID_INUSE;
  if (updates) return confirmUpdate(state, client);
  // Second bullet: the answer was lost; everything stays as it is.
  if (client.isConfirmed) return Status.OK;
  return confirmNew(state, client);
}

/** First bullet: a new callback, the same state. */
function confirmUpdate(state: ServerState, client: Client): StatusCode {
  client.registration = client.update;
  client.update = undefined;
  state.callbackConfirmed(client);
  return Status.OK;
}

/** Third bullet: a new clientid; a former incarnation loses its state. */
function confirmNew(state: ServerState, client: Client): StatusCode {
  const { confirmed: former } = state.clients.ofOwner(0, client.owner);
  const taken = former !== undefined &&
    former.principal !== client.principal && state.keepsName(former, client);
  if (taken) return Status.CLID_INUSE;
  state.confirmClient(client);
  state.callbackConfirmed(client);
  return Status.OK;
}
