import type { Client } from "../../state/client.ts";
import { isRegisteredBy } from "../../state/principal.ts";
import type { CompoundContext } from "../context.ts";

/**
 * Notes on which connection an NFSv4.0 client is, by which its GETATTRs are
 * told from others'. Any user can name a clientid, so that only the one who
 * registered the client moves it; another of its users does where none is known
 * that is open.
 */
export function noteConnection(context: CompoundContext, client: Client): void {
  const { connection, credential } = context;
  const known = client.connection;
  if (known === connection) return;
  const isLost = known === undefined || known.closeReason !== undefined;
  if (isLost || isRegisteredBy(client, credential)) {
    client.cameOn(connection);
  }
}

/**
 * An NFSv4.0 request has named a client, or a stateid of its file with the key
 * `file`. LOCK4denied tells a clientid to any client that a lock keeps out, so
 * that naming it passes no delegation, unless the caller registered the client or
 * comes on its connection. A stateid does, at its own file: the client's other
 * connections carry what it has to write before it returns the delegation.
 */
export function callerIs(
  context: CompoundContext,
  client: Client,
  file?: string,
): void {
  const isKnown = client.connection === context.connection ||
    isRegisteredBy(client, context.credential);
  context.client = isKnown || file !== undefined ? client : undefined;
  context.onlyFile = isKnown ? undefined : file;
}
