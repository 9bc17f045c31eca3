/**
 * NFSv4.0 has no session that would prove whose a request is, and LOCK4denied
 * tells a clientid to any client that a lock keeps out. So each use of one is
 * judged by who makes it:
 *
 * - the client itself: the principal that registered it, and each caller on its
 *   connection. All that the client has is theirs to use;
 * - a guest: a user of the client's own party, as a client's user is on a further
 *   connection. It has owners and limits of its own, and no delegations;
 * - any other caller: for it there is no such client.
 *
 * @module
 */
import { exhausted } from "../../base/exhausted.ts";
import type { Client } from "../../state/client.ts";
import { guestOwnerKey, ownerKey } from "../../state/owners.ts";
import { isRegisteredBy } from "../../state/principal.ts";
import type { HeldState } from "../../state/stateids.ts";
import type { CompoundContext } from "../context.ts";

/** Whether the caller of an NFSv4.0 request is a client itself, as far as can be told. */
export function isClientItself(
  { connection, credential }: CompoundContext,
  client: Client,
): boolean {
  return client.connection === connection || isRegisteredBy(client, credential);
}

/** Whether the caller may name a client at all: it is the client, or a guest. */
export function mayName(context: CompoundContext, client: Client): boolean {
  if (isClientItself(context, client)) return true;
  const { connection, credential } = context;
  return connection.party === client.party && credential.user !== undefined;
}

/**
 * Notes on which connection an NFSv4.0 client is, by which its users and its
 * GETATTRs are told from others': where the principal that registered it speaks.
 */
export function noteConnection(context: CompoundContext, client: Client): void {
  const { connection, credential } = context;
  if (isRegisteredBy(client, credential)) client.cameOn(connection);
}

/**
 * The same where a client has lost its connection, and a request names what the
 * client holds: no other client is told that stateid.
 */
export function noteProof(
  { connection }: CompoundContext,
  state: HeldState,
): void {
  const { client } = state;
  const known = client.connection;
  const isLost = known === undefined || known.closeReason !== undefined;
  if (isLost && !isGuests(state)) client.cameOn(connection);
}

/** Whether a guest of the client holds it; a delegation goes to the client only. */
function isGuests(state: HeldState): boolean {
  switch (state.kind) {
    case "open":
      return state.owner.isGuest;
    case "lock":
      return state.open.owner.isGuest;
    case "delegation":
      return false;
    default:
      return exhausted(state);
  }
}

/**
 * An NFSv4.0 request has named a client, or a stateid of its file with the key
 * `file`. Naming it passes no delegation, unless the caller is the client itself.
 * A stateid does, at its own file: the client's other connections carry what it
 * has to write before it returns the delegation.
 */
export function callerIs(
  context: CompoundContext,
  client: Client,
  file?: string,
): void {
  const isKnown = isClientItself(context, client);
  context.client = isKnown || file !== undefined ? client : undefined;
  context.onlyFile = isKnown ? undefined : file;
}

/**
 * The key of the owner that the caller names, among `owners` of the client. In
 * NFSv4.0 a guest has owners of its own, but for those that its user made when
 * the client's connection was another one; and the client goes on with what its
 * user made as a guest.
 */
export function ownerNamed(
  context: CompoundContext,
  client: Client,
  { name, owners, isProven = isClientItself(context, client) }: {
    readonly name: Uint8Array;
    readonly owners: {
      get(key: string): { readonly principal: string } | undefined;
    };
    /** Whether the caller is the client itself. */
    readonly isProven?: boolean;
  },
): string {
  const key = ownerKey(name);
  if (context.minorVersion > 0) return key;
  const { principal } = context.credential;
  const known = owners.get(key);
  if (known !== undefined && (isProven || known.principal === principal)) {
    return key;
  }
  const asGuest = guestOwnerKey(principal, key);
  return isProven && owners.get(asGuest) === undefined ? key : asGuest;
}
