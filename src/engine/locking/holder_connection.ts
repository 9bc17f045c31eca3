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
